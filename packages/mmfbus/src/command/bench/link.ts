import type { Socket } from 'node:net';
import { defineChannel, type Publisher, type Subscriber } from '@mmfbus/channel';
import { codecFor, type Quote, type Way } from './message.js';

/** One end of a way between two processes. */
export interface Link {
  /** Sends a message, and waits where there is no room. */
  send(message: Quote): Promise<unknown> | undefined;
  /** Has each message that arrives handed over. */
  listen(handler: (message: Quote) => void): void;
  close(): Promise<void>;
}

/** Messages of a batch. */
const MESSAGES = 64;
/** Bytes of a message at most, with its length. */
const LONGEST = 1024;

/** A pair of channels, one for each direction. */
export async function channelLink(way: Way, out: string, back: string): Promise<Link> {
  const define = (name: string) => defineChannel<Quote>({ name, codec: codecFor(way), discoverable: false });
  const [publisher, subscriber]: [Publisher<Quote>, Subscriber<Quote>] = await Promise.all([
    define(out).publisher(),
    define(back).subscriber(),
  ]);
  let batch: Quote[] = [];
  const sendBatch = (message: Quote) => {
    batch.push(message);
    if (batch.length < MESSAGES && !message.reply) return undefined;
    const sent = batch;
    batch = [];
    return publisher.tryPublishAll(sent) === 'published' ? undefined : publisher.publishAll(sent);
  };
  const sendOne = (message: Quote) =>
    publisher.tryPublish(message) === 'published' ? undefined : publisher.publish(message);
  return {
    send: way === 'typed-batches' ? sendBatch : sendOne,
    listen: (handler) => void subscriber.on('message', ({ value }) => handler(value)),
    close: async () => {
      await Promise.all([publisher.close({ timeout: 0 }), subscriber.close()]);
    },
  };
}

/** Bytes of the length before a message on a socket. */
const LENGTH = 4;
/** Bytes that a write on a socket has at most. */
const CHUNK = 65_536;

/**
 * A Unix socket: each message with its length before it.
 *
 * @param gathers whether many messages go into one write, until one asks for an answer.
 */
export function socketLink(socket: Socket, gathers: boolean): Link {
  const codec = codecFor('socket');
  const decoder = new Frames();
  let chunk = Buffer.allocUnsafe(CHUNK);
  let filled = 0;
  const flush = (): Promise<void> | undefined => {
    const hasRoom = socket.write(chunk.subarray(0, filled));
    chunk = chunk.subarray(filled);
    filled = 0;
    return hasRoom ? undefined : new Promise((resolve) => socket.once('drain', resolve));
  };
  return {
    send: (message) => {
      // Far more than a message takes.
      if (chunk.length - filled < LONGEST) {
        const wait = filled > 0 ? flush() : undefined;
        chunk = Buffer.allocUnsafe(CHUNK);
        if (wait !== undefined) return wait.then(() => add(message));
      }
      return add(message);
    },
    listen: (handler) => {
      socket.on('data', (data: Buffer) => {
        for (const frame of decoder.take(data)) handler(codec.decode(frame, 0, frame.length));
      });
    },
    close: async () => {
      socket.destroy();
    },
  };

  function add(message: Quote): Promise<void> | undefined {
    const end = codec.encode(message, chunk, filled + LENGTH);
    chunk.writeUInt32LE(end - filled - LENGTH, filled);
    filled = end;
    return gathers && !message.reply ? undefined : flush();
  }
}

/** Takes a stream of bytes apart into messages. */
class Frames {
  #rest: Buffer = Buffer.alloc(0);

  *take(data: Buffer): Generator<Buffer, void> {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (at + LENGTH <= bytes.length) {
      const end = at + LENGTH + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      yield bytes.subarray(at + LENGTH, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}
