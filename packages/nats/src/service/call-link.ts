import { createInbox, headers, type Msg, type MsgHdrs, type Subscription } from '@nats-io/nats-core';
import { CALL_HEADER, type CallHeader, readCallHeader, writeCallHeader } from '../wire/call-header.js';
import type { Connection } from '../wire/connection.js';

const NOTHING = new Uint8Array(0);
/** What the server answers where nothing subscribes to a subject. */
const NO_RESPONDERS = 503;

/** A message of a call, as it came. */
export interface CallMessage {
  /** What stands behind the link's own subject: the id of a call, or `alive`. */
  readonly id: string;
  /** Undefined where the server says that nothing subscribes to what was published. */
  readonly header: CallHeader | undefined;
  readonly reply: string;
  readonly payload: Uint8Array;
}

/** Subjects of one side's own, under which it gets what belongs to its calls. After a reconnection they are others. */
export class CallLink {
  readonly #connection: Connection;
  readonly #onMessage: (message: CallMessage) => void;
  #inbox = '';
  #subscription: Subscription | undefined;

  constructor(connection: Connection, onMessage: (message: CallMessage) => void) {
    this.#connection = connection;
    this.#onMessage = onMessage;
    this.renew();
  }

  /** Messages to the subjects so far come no more. */
  renew(): void {
    this.close();
    const { nats } = this.#connection;
    const inbox = createInbox(this.#connection.inboxPrefix);
    this.#inbox = inbox;
    this.#subscription = nats.subscribe(`${inbox}.>`, {
      callback: (error, message) => {
        if (error === null && this.#inbox === inbox) this.#take(message);
      },
    });
  }

  close(): void {
    this.#inbox = '';
    if (!this.#connection.nats.isClosed()) this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  subjectOf(id: string): string {
    return `${this.#inbox}.${id}`;
  }

  /** Bytes that a message takes of what the server allows, where they are too many; undefined where they are not. */
  tooLarge(header: CallHeader, payload: Uint8Array): string | undefined {
    // What the server counts: the first line, the header's line, an empty line.
    const length = `NATS/1.0\r\n${CALL_HEADER}: ${writeCallHeader(header)}\r\n\r\n`.length + payload.length;
    const limit = this.#connection.maxPayload;
    return length <= limit
      ? undefined
      : `it takes ${length} bytes with its header, the server at most ${limit}`;
  }

  /** @param id where what is answered comes to; none where nothing is. */
  send(subject: string, header: CallHeader, payload: Uint8Array = NOTHING, id?: string): void {
    const { nats } = this.#connection;
    if (nats.isClosed()) return;
    nats.publish(subject, payload, {
      headers: callHeaders(header),
      ...(id === undefined ? {} : { reply: this.subjectOf(id) }),
    });
  }

  #take({ subject, headers, reply = '', data }: Msg): void {
    const id = subject.slice(this.#inbox.length + 1);
    if (headers?.code === NO_RESPONDERS && data.length === 0) {
      this.#onMessage({ id, header: undefined, reply, payload: data });
      return;
    }
    const header = readCallHeader(headers?.get(CALL_HEADER) ?? '');
    if (header !== undefined) this.#onMessage({ id, header, reply, payload: data });
  }
}

export function callHeaders(header: CallHeader): MsgHdrs {
  const fields = headers();
  fields.set(CALL_HEADER, writeCallHeader(header));
  return fields;
}

/** The subject of the side that a subject of one of its calls belongs to. */
export function sideOf(subject: string): string {
  return subject.slice(0, subject.lastIndexOf('.'));
}
