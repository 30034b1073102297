import { unlessAborted } from '@mmfbus/channel/internal';
import type { MsgHdrs } from '@nats-io/nats-core';
import type { Connection } from '../wire/connection.js';
import { HEADER } from '../wire/header.js';
import { WrittenHeader } from '../wire/written-header.js';
import { piecesOf } from './pieces.js';
import type { Outgoing, Sink, SinkHooks } from './sink.js';

/** Bytes after which the server is asked to answer. */
const WINDOW = 256 * 1024;
/** Windows that it has not answered yet, at most. */
const MOST_WINDOWS = 2;
/** More than all other headers of a message take: a name of a stream has at most 255 bytes. */
const MOST_HEADERS = 1024;
/** About what the protocol and the header take of each message. */
const OVERHEAD = 200;

/** What is published to core NATS: as much as the server is known to have read, and a little more. */
export class CoreSink implements Sink {
  readonly #connection: Connection;
  readonly #hooks: SinkHooks;
  readonly #splits: boolean;
  readonly #forget: () => void;
  #bytes = 0;
  #windows = 0;
  #isHeld = false;
  #open = true;

  /** @param splits whether messages that are too large for the server go in pieces. */
  constructor(connection: Connection, hooks: SinkHooks, splits: boolean) {
    this.#connection = connection;
    this.#hooks = hooks;
    this.#splits = splits;
    this.#forget = connection.onChange(() => this.#release());
  }

  get room(): number {
    const isFree = this.#connection.isConnected && this.#windows < MOST_WINDOWS;
    if (!isFree) this.#isHeld = true;
    return isFree ? Number.POSITIVE_INFINITY : 0;
  }

  send(message: Outgoing): void {
    const limit = this.#connection.maxPayload;
    if (fitsSurely(message, limit)) {
      this.#publish(message);
      return;
    }
    const sendable = sendableOf(
      message,
      limit,
      this.#splits,
      (one) => headersOf(one),
      this.#hooks.substitute,
    );
    if (sendable.refusal !== undefined) this.#hooks.refused(message, 'TOO_LARGE', sendable.refusal);
    for (const one of sendable.messages) this.#publish(one);
  }

  #publish(message: Outgoing): void {
    const fields = headersOf(message);
    try {
      this.#connection.nats.publish(message.subject, message.payload, { headers: fields });
    } catch (error) {
      // The connection was closed just now: the message is missing, as those see that have the next one.
      this.#hooks.trouble(error as Error);
      return;
    }
    this.#hooks.sent(message);
    this.#bytes += message.payload.length + OVERHEAD;
    if (this.#bytes >= WINDOW) void this.#ask();
  }

  lastOf(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async flush(signal: AbortSignal): Promise<void> {
    // What was under way is lost with the connection.
    if (this.#connection.isConnected) await unlessAborted(this.#connection.nats.flush(), signal);
  }

  close(): void {
    this.#open = false;
    this.#forget();
  }

  /** Asks the server to answer when it has read everything so far. */
  async #ask(): Promise<void> {
    this.#bytes = 0;
    this.#windows++;
    try {
      await this.#connection.nats.flush();
    } catch {
      // The connection is lost, and with it what was under way: those that import see it by the numbers.
    }
    this.#windows--;
    this.#release();
  }

  #release(): void {
    if (!this.#open || !this.#isHeld || this.room === 0) return;
    this.#isHeld = false;
    this.#hooks.room();
  }
}

/**
 * The headers of a message.
 *
 * @param others that JetStream wants, each as `\r\n`, key, `: ` and value.
 */
export function headersOf({ header }: Outgoing, others = ''): MsgHdrs {
  return new WrittenHeader(`${HEADER}: ${header}${others}`, others === '');
}

/** Whether a message is small enough, whatever headers it has beside that of the bridge: asked of each one. */
export function fitsSurely({ payload, header }: Outgoing, limit: number): boolean {
  return payload.length + header.length + MOST_HEADERS <= limit;
}

/**
 * A message as the server takes it: as it is, in pieces, or what stands for it where it is refused, and why.
 *
 * @param fieldsOf the headers that it is published with.
 * @param substitute makes what stands for it.
 */
export function sendableOf(
  message: Outgoing,
  limit: number,
  splits: boolean,
  fieldsOf: (message: Outgoing) => MsgHdrs,
  substitute: (message: Outgoing) => Outgoing,
): { readonly messages: readonly Outgoing[]; readonly refusal: string | undefined } {
  const overhead = (one: Outgoing) => lengthOf(fieldsOf(one));
  const length = overhead(message) + message.payload.length;
  if (length <= limit || message.isGap) return { messages: [message], refusal: undefined };
  const pieces = splits ? piecesOf(message, limit, overhead) : undefined;
  if (pieces !== undefined) return { messages: pieces, refusal: undefined };
  const refusal = `it takes ${length} bytes with its header, the server at most ${limit}`;
  return { messages: [substitute(message)], refusal };
}

/** Bytes that the server counts beside the payload. */
function lengthOf(fields: MsgHdrs): number {
  let length = 'NATS/1.0\r\n\r\n'.length;
  for (const [key, values] of fields) {
    for (const value of values) length += key.length + value.length + 4;
  }
  return length;
}
