import { timers } from '@mmfbus/core/internal';
import type { Context, MethodContract } from '@mmfbus/service';
import { PassedOnError } from '@mmfbus/service/internal';
import type { Connection } from '../wire/connection.js';
import { CallLink, type CallMessage, sideOf } from './call-link.js';
import type { ServiceCounters } from './counters.js';
import { OutgoingCall, timeOf } from './outgoing-call.js';

/** While calls are under way, the bridges that have them are asked that often whether they are there, milliseconds. */
export const ALIVE_PERIOD = 1000;
/** A bridge that was asked so often and has not answered, or taken a call, is gone for its calls. */
const MOST_LOOKS = 5;
const ALIVE = 'alive';

/** A bridge elsewhere that has calls of this one. */
interface Side {
  readonly number: number;
  /** How often it was asked since it was heard of. */
  looks: number;
}

/** The calls of one service to bridges elsewhere. */
export class OutgoingCalls {
  readonly #connection: Connection;
  readonly #counters: ServiceCounters;
  readonly #host: string;
  /** The server says that nothing takes calls. */
  readonly #onNoResponders: () => void;
  readonly #link: CallLink;
  readonly #calls = new Map<string, OutgoingCall>();
  /** Calls that were given up before a bridge had said that it has them: it is told then. With the number of looks since. */
  readonly #given = new Map<string, number>();
  readonly #sides = new Map<string, Side>();
  #id = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection, counters: ServiceCounters, host: string, onNoResponders: () => void) {
    this.#connection = connection;
    this.#counters = counters;
    this.#host = host;
    this.#onNoResponders = onNoResponders;
    this.#link = new CallLink(connection, (message) => this.#onMessage(message));
  }

  /** Calls under way. */
  get open(): number {
    return this.#calls.size;
  }

  /**
   * Sends a call.
   *
   * @param subject of its method.
   * @param tag see `methodTag`.
   * @returns what a handler of the service may give.
   */
  call(
    service: string,
    method: MethodContract,
    subject: string,
    tag: string,
    input: unknown,
    context: Context,
  ): unknown {
    const counters = this.#counters;
    if (!this.#connection.isConnected) {
      counters.refused++;
      throw new PassedOnError('UNREACHABLE', false, 'there is no connection to the other machines');
    }
    const header = { kind: 'call', method: tag, ...timeOf(context), host: this.#host } as const;
    const payload = input instanceof Uint8Array ? input : undefined;
    const problem = payload && this.#link.tooLarge(header, payload);
    if (problem !== undefined) {
      counters.refused++;
      throw new PassedOnError('REFUSED', false, `the input is too large: ${problem}`);
    }
    if (method.isOneWay) {
      this.#link.send(subject, header, payload);
      counters.messages++;
      counters.bytes += payload?.length ?? 0;
      return undefined;
    }
    const id = `${++this.#id}`;
    const call: OutgoingCall = new OutgoingCall({
      link: this.#link,
      id,
      service,
      method,
      context,
      input,
      done: (wasAnswered) => this.#onDone(id, wasAnswered),
    });
    if (call.isOver) return call.result;
    call.bytes = payload?.length ?? 0;
    this.#calls.set(id, call);
    this.#link.send(subject, header, payload, id);
    this.#timer ??= timers.setTimeout(() => this.#look(), ALIVE_PERIOD);
    return call.result;
  }

  /** All calls come to nothing: the connection is lost, or no bridge has the service any more. */
  abandon(why: string): void {
    for (const call of [...this.#calls.values()]) call.fail(new PassedOnError('SERVER_DIED', 'maybe', why));
    this.#given.clear();
    this.#sides.clear();
  }

  /** What bridges have sent before is not for the calls that follow. */
  renew(): void {
    this.#link.renew();
  }

  close(): void {
    this.abandon('the bridge was closed');
    timers.clearTimeout(this.#timer);
    this.#link.close();
  }

  #onDone(id: string, wasAnswered: boolean): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    if (call.control === undefined && !wasAnswered) this.#given.set(id, 0);
    if (wasAnswered) this.#counters.messages++;
    else this.#counters.refused++;
    this.#counters.bytes += call.bytes;
  }

  #onMessage(message: CallMessage): void {
    const { id, header, reply } = message;
    if (id.startsWith(`${ALIVE}.`)) {
      this.#onAlive(Number(id.slice(ALIVE.length + 1)), header !== undefined);
      return;
    }
    const call = this.#calls.get(id);
    if (call === undefined) {
      if (this.#given.delete(id) && header?.kind === 'taken') this.#link.send(reply, { kind: 'cancel' });
      return;
    }
    if (header?.kind === 'taken') this.#hearOf(sideOf(reply));
    call.take(message);
    if (header === undefined) this.#onNoResponders();
  }

  #hearOf(side: string): void {
    const known = this.#sides.get(side);
    if (known === undefined) this.#sides.set(side, { number: ++this.#id, looks: 0 });
    else known.looks = 0;
  }

  #onAlive(number: number, isThere: boolean): void {
    const [side] = [...this.#sides].find(([, side]) => side.number === number) ?? [];
    if (side === undefined) return;
    if (isThere) this.#hearOf(side);
    else this.#lose(side);
  }

  /** A bridge is gone, or has lost its connection. */
  #lose(side: string): void {
    this.#sides.delete(side);
    for (const call of [...this.#calls.values()]) {
      if (call.control === undefined || sideOf(call.control) !== side) continue;
      call.fail(new PassedOnError('SERVER_DIED', 'maybe', 'the bridge on the other machine is gone'));
    }
  }

  /** Asks the bridges that have calls whether they are there. */
  #look(): void {
    this.#timer = undefined;
    for (const [id, looks] of this.#given) {
      if (looks < MOST_LOOKS) this.#given.set(id, looks + 1);
      else this.#given.delete(id);
    }
    const used = new Set<string>();
    for (const call of [...this.#calls.values()]) {
      if (call.control !== undefined) used.add(sideOf(call.control));
      else if (++call.looks > MOST_LOOKS) {
        const text = `no bridge has taken it for ${MOST_LOOKS * ALIVE_PERIOD} ms`;
        call.fail(new PassedOnError('SERVER_DIED', 'maybe', text));
      }
    }
    for (const [side, asked] of this.#sides) {
      if (!used.has(side)) this.#sides.delete(side);
      else if (++asked.looks > MOST_LOOKS) this.#lose(side);
      else this.#link.send(`${side}.${ALIVE}`, { kind: 'alive' }, undefined, `${ALIVE}.${asked.number}`);
    }
    if (this.#calls.size > 0 || this.#given.size > 0)
      this.#timer = timers.setTimeout(() => this.#look(), ALIVE_PERIOD);
  }
}
