import { timers } from '@mmfbus/core/internal';
import type { MethodContract } from '@mmfbus/service';
import type { Msg } from '@nats-io/nats-core';
import { CALL_HEADER, type CallHeader, readCallHeader } from '../wire/call-header.js';
import type { Connection } from '../wire/connection.js';
import { CallLink, type CallMessage, callHeaders, sideOf } from './call-link.js';
import type { ServiceCounters } from './counters.js';
import { type CarryingClient, IncomingCall } from './incoming-call.js';
import { ALIVE_PERIOD } from './outgoing-calls.js';

/** A caller that has not asked for so many of its periods whether this bridge is there is gone. */
const MOST_LOOKS = 5;
/** How much the clocks of two machines may differ, milliseconds: a call whose time was over for longer is not made. */
const CLOCK_DIFFERENCE = 10_000;
const ALIVE = 'alive';
/** What services of NATS say, beside a code of their own, of a request that they do not take. */
const ERROR_HEADER = 'Nats-Service-Error';
const ERROR_CODE_HEADER = 'Nats-Service-Error-Code';

/** A method as other machines call it. */
export interface CalledMethod {
  readonly method: MethodContract;
  /** See `methodTag`. */
  readonly tag: string;
}

/** The calls of other machines to one service of this one. */
export class IncomingCalls {
  readonly #client: CarryingClient;
  readonly #counters: ServiceCounters;
  readonly #refused: (method: string, reason: 'FOREIGN' | 'SCHEMA', message: string) => void;
  readonly #link: CallLink;
  readonly #forget: () => void;
  readonly #calls = new Map<string, IncomingCall>();
  /** Callers, and how often it was looked since they were heard of. */
  readonly #callers = new Map<string, number>();
  #id = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    connection: Connection,
    client: CarryingClient,
    counters: ServiceCounters,
    refused: (method: string, reason: 'FOREIGN' | 'SCHEMA', message: string) => void,
  ) {
    this.#client = client;
    this.#counters = counters;
    this.#refused = refused;
    this.#link = new CallLink(connection, (message) => this.#onMessage(message));
    this.#forget = connection.onChange((isConnected) => {
      if (isConnected) this.#link.renew();
      else this.#abandon('the connection is lost');
    });
  }

  /** Calls under way. */
  get open(): number {
    return this.#calls.size;
  }

  /** Takes a request for a method. */
  onRequest(
    { method, tag }: CalledMethod,
    message: Pick<Msg, 'headers' | 'reply' | 'data' | 'respond'>,
  ): void {
    const { reply = '', data } = message;
    const header = readCallHeader(message.headers?.get(CALL_HEADER) ?? '');
    if (header?.kind !== 'call' || (reply === '' && !method.isOneWay)) {
      this.#refuse(message, method, 'FOREIGN', 400, 'it is no call of a bridge of this version');
      return;
    }
    if (header.method !== tag) {
      const text = `the contract differs: the method has the hash ${tag} here, the caller says ${header.method}`;
      this.#refuse(message, method, 'SCHEMA', 409, text);
      return;
    }
    if (header.time !== undefined && Date.now() > header.expiry + CLOCK_DIFFERENCE) {
      this.#counters.refused++;
      this.#respond(
        reply,
        { kind: 'failed', code: 'TIMEOUT', started: false },
        'its time was over on the way',
      );
      return;
    }
    const id = `${++this.#id}`;
    const timeout = header.time ?? Number.POSITIVE_INFINITY;
    const call = new IncomingCall({ link: this.#link, id, reply, method, client: this.#client, timeout });
    this.#calls.set(id, call);
    if (reply !== '') {
      this.#callers.set(sideOf(reply), 0);
      this.#link.send(reply, { kind: 'taken' }, undefined, id);
      this.#timer ??= timers.setTimeout(() => this.#look(), ALIVE_PERIOD);
    }
    void this.#run(id, call, data);
  }

  async close(): Promise<void> {
    this.#abandon('the bridge was closed');
    timers.clearTimeout(this.#timer);
    this.#forget();
    this.#link.close();
  }

  async #run(id: string, call: IncomingCall, data: Uint8Array): Promise<void> {
    const wasAnswered = await call.run(data);
    this.#calls.delete(id);
    if (wasAnswered) this.#counters.messages++;
    else this.#counters.refused++;
    this.#counters.bytes += call.bytes;
  }

  #refuse(
    message: Pick<Msg, 'reply' | 'respond'>,
    { name }: MethodContract,
    reason: 'FOREIGN' | 'SCHEMA',
    code: number,
    text: string,
  ): void {
    this.#counters.refused++;
    this.#refused(name, reason, text);
    if (message.reply === undefined || message.reply === '') return;
    const fields = callHeaders({ kind: 'failed', code: 'NO_METHOD', started: false });
    fields.set(ERROR_HEADER, text);
    fields.set(ERROR_CODE_HEADER, `${code}`);
    message.respond(Buffer.from(text), { headers: fields });
  }

  #respond(reply: string, header: CallHeader, text: string): void {
    if (reply !== '') this.#link.send(reply, header, Buffer.from(text));
  }

  #onMessage(message: CallMessage): void {
    const { id, header, reply } = message;
    if (id === ALIVE) {
      const side = sideOf(sideOf(reply));
      if (this.#callers.has(side)) this.#callers.set(side, 0);
      if (header !== undefined) this.#link.send(reply, { kind: 'alive' });
      return;
    }
    this.#calls.get(id)?.take(message);
  }

  /** Gives up the calls of callers that are gone. */
  #look(): void {
    this.#timer = undefined;
    const used = new Set([...this.#calls.values()].map(({ reply }) => sideOf(reply)));
    for (const [caller, looks] of this.#callers) {
      if (!used.has(caller)) {
        this.#callers.delete(caller);
      } else if (looks < MOST_LOOKS) {
        this.#callers.set(caller, looks + 1);
      } else {
        this.#callers.delete(caller);
        for (const call of this.#calls.values()) {
          if (sideOf(call.reply) === caller)
            call.giveUp(`the caller was not heard of for ${MOST_LOOKS * ALIVE_PERIOD} ms`);
        }
      }
    }
    if (this.#callers.size > 0) this.#timer = timers.setTimeout(() => this.#look(), ALIVE_PERIOD);
  }

  #abandon(why: string): void {
    for (const call of this.#calls.values()) call.giveUp(why);
    this.#callers.clear();
  }
}
