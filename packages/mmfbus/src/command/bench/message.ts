import { boolean, type Codec, codecOf, f64, msgpack, type Shape, string, struct, u32 } from '@mmfbus/codec';

/** What is sent to and fro: about 50 bytes. */
export interface Quote {
  readonly id: number;
  readonly symbol: string;
  readonly price: number;
  readonly volume: number;
  /** Asks for the same message back. */
  readonly reply: boolean;
}

const quote: Shape<Quote> = struct({
  id: u32(),
  symbol: string(),
  price: f64(),
  volume: f64(),
  reply: boolean(),
});

/** The ways there are. */
export const WAYS = ['typed', 'typed-batches', 'dynamic', 'socket', 'socket-batches'] as const;

/** One of them. */
export type Way = (typeof WAYS)[number];

/** The codec of a way: the socket has that of the typed channel, so that they differ in what carries the bytes alone. */
export function codecFor(way: Way): Codec<Quote> {
  return way === 'dynamic' ? msgpack<Quote>() : codecOf(quote);
}

/** Whether it leads through a Unix socket. */
export function isSocket(way: Way): boolean {
  return way === 'socket' || way === 'socket-batches';
}
