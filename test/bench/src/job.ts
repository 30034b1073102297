/** What is carried: the object of the comparison, through the peer's usual encoding, or plain bytes. */
export type Load = { readonly kind: 'object' } | { readonly kind: 'bytes'; readonly length: number };

/** One measurement of one peer, handed to the producer and to each consumer. */
export interface Job {
  readonly peer: string;
  readonly load: Load;
  readonly consumers: number;
  /** `flood`: as fast as the peer takes them. `echo`: one at a time, and each consumer sends it back. */
  readonly pattern: 'flood' | 'echo';
  /** How many messages. */
  readonly messages: number;
  /** With `echo`: microseconds from one message to the next; 0 sends the next when the last one is back. */
  readonly interval: number;
  /** A folder for sockets, and a name that is used nowhere else. */
  readonly folder: string;
  readonly name: string;
  /** Port of the broker, where there is one. */
  readonly port: number;
}

/** The object of the comparison: 54 bytes of msgpack. */
export const QUOTE = {
  id: 1,
  sym: 'AAPL',
  px: 187.25,
  qty: 100,
  ts: 1_700_000_000_000,
  side: 'buy',
} as const;

/** A message of that load. */
export function messageOf({ load }: Job): unknown {
  if (load.kind === 'object') return { ...QUOTE };
  return Uint8Array.from({ length: load.length }, (_, index) => index & 0xff);
}
