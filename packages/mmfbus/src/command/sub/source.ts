import type { Bus, ChannelInfo, Message, Observed, Position } from '@mmfbus/channel';
import { type Codec, codecOfText, raw } from '@mmfbus/codec';
import { UsageError } from '@mmfbus/terminal';
import { pause } from '../pause.js';

/** Milliseconds between two looks. */
const LOOK_MS = 33;
/** Bytes of the longest message that is shown. */
const MAX_MESSAGE: number = 64 * 2 ** 20;

/** Where the messages begin: with the oldest in the ring, with the next one, or with a number. */
export type From = 'earliest' | 'latest' | number;

/** What messages are wanted. */
export interface SourceOptions {
  readonly from: From;
  /** Whether the bytes are wanted instead of the values. */
  readonly isRaw: boolean;
  /** Whether to go on with the next channel of that name. */
  readonly follow: boolean;
}

/**
 * Reads the value of `--from`.
 *
 * @throws {UsageError} where it is none.
 */
export function fromOf(text: string): From {
  if (text === 'earliest' || text === 'latest') return text;
  const sequence = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(sequence) && sequence > 0) return sequence;
  throw new UsageError(
    `--from takes earliest, latest or the number of a message, not ${JSON.stringify(text)}`,
  );
}

type Start = 'earliest' | 'latest' | { readonly after: Position };

function startOf(from: From, info: ChannelInfo | undefined): Start {
  if (typeof from === 'string') return from;
  // Of a channel that comes later, all.
  if (info === undefined) return 'earliest';
  return { after: { incarnation: info.incarnation, sequence: from - 1 } };
}

/** What an observer sees, batch by batch, until the channel ends or the signal aborts. */
export async function* observed(
  bus: Bus,
  name: string,
  info: ChannelInfo | undefined,
  { from, isRaw, follow }: SourceOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly Observed<unknown>[], void> {
  const observer = bus.observe<unknown>(name, {
    start: startOf(from, info),
    follow,
    maxMessage: MAX_MESSAGE,
    ...(isRaw ? { codec: raw() as Codec<unknown> } : {}),
  });
  try {
    for (let isOver = false; !isOver && !signal.aborted; ) {
      const seen = observer.poll();
      if (seen.length > 0) yield seen;
      isOver = !follow && seen.some(({ kind }) => kind === 'ended');
      if (!isOver) await pause(LOOK_MS, signal);
    }
  } finally {
    observer.close();
  }
}

/**
 * What a reliable subscriber gets, until the signal aborts or the last publisher has left: publishers wait for it.
 */
export async function* seated(
  bus: Bus,
  name: string,
  info: ChannelInfo,
  { from, isRaw }: SourceOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly Observed<unknown>[], void> {
  const channel = bus.define<unknown>({
    name,
    codec: isRaw ? bytesOf(info) : codecOfText(info.codec, info.schema),
  });
  const subscriber = await channel.subscriber({
    name: 'mmfbus sub',
    open: 'open',
    start: startOf(from, info),
    closeWithPublishers: { timeout: 0 },
    signal,
  });
  const others: Observed<unknown>[] = [];
  subscriber.on('gap', (gap) => others.push({ kind: 'gap', ...gap }));
  subscriber.on('error', (error) => others.push({ kind: 'corrupted', error }));
  const close = () => void subscriber.close();
  signal.addEventListener('abort', close);
  try {
    for await (const message of subscriber) yield [...others.splice(0), asObserved(message)];
    if (!signal.aborted) yield [...others, { kind: 'ended' }];
  } finally {
    signal.removeEventListener('abort', close);
    await subscriber.close();
  }
}

function asObserved(message: Message<unknown>): Observed<unknown> {
  return { kind: 'message', ...message };
}

/** A codec that fits any channel: it gives the bytes, and writes none. */
export function bytesOf({ codec, schema }: Pick<ChannelInfo, 'codec' | 'schema'>): Codec<unknown> {
  const bytes = raw();
  return {
    id: codec,
    ...(schema === undefined ? {} : { schema: { text: schema, difference: () => undefined } }),
    encode: () => {
      throw new TypeError('it only reads');
    },
    decode: (source, start, end) => bytes.decode(source, start, end),
  };
}
