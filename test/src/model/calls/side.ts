import { nonceOf, ownerOf, portOf } from '../made-up-core.js';
import type { Access, MemoryOperation, SystemOperation, Value } from '../operations.js';
import type { Run } from '../run.js';
import type { NamedPlaces, StoredMessages } from './places.js';

/** One of those that share the port of a process. */
export interface PortUser {
  onRing(): void;
}

/** A process of the model of calls: how its channels reach what it shares with others. */
export class Side {
  readonly run: Run;
  readonly messages: StoredMessages;
  readonly #places: NamedPlaces;
  readonly #users = new Set<PortUser>();
  #release: (() => void) | undefined;
  #port = -1;
  /** Segments that it has made. */
  #made = 0;
  /** Whether what comes next happens together: from its second operation on. */
  #together: 'no' | 'first' | 'yes' = 'no';

  constructor(run: Run, places: NamedPlaces, messages: StoredMessages) {
    this.run = run;
    this.#places = places;
    this.messages = messages;
  }

  /** The next of its own segments. */
  nextSegment(): number {
    return this.#made++;
  }

  /** All of it is one step: nothing of another process comes in between. */
  together<R>(action: () => R): R {
    const before = this.#together;
    if (before === 'no') this.#together = 'first';
    try {
      return action();
    } finally {
      this.#together = before;
    }
  }

  /** Begins what ends with {@link Side.endTogether}. */
  beginTogether(): void {
    this.#together = 'first';
  }

  endTogether(): void {
    this.#together = 'no';
  }

  access(
    access: Access,
    place: string,
    value?: Value,
    expected?: Value,
    isJoined = this.#goesAlong(),
  ): number {
    const cell = this.#places.at(place);
    const operation: MemoryOperation = { kind: 'memory', access, cell, value, expected, isJoined };
    return this.run.memory(operation) as number;
  }

  load(place: string): number {
    return this.access('load', place);
  }

  /** Loads what is never changed while it may be asked for. */
  loadFixed(place: string): number {
    return this.access('load', place, undefined, undefined, true);
  }

  store(place: string, value: number): void {
    this.access('store', place, value);
  }

  add(place: string, value: number): void {
    this.access('add', place, value);
  }

  /** Rings the owner of a port, together with what told that it is to be rung. */
  ring(nonce: number): void {
    this.#ask('ring', portOf(BigInt(nonce)), true);
  }

  /** Watches over a life line; what it returns ends that. */
  watch(nonce: number, onDeath: () => void): () => void {
    const port = portOf(BigInt(nonce));
    return this.#ask('watch', port) === 'watching' ? this.run.watch(port, onDeath) : () => {};
  }

  /** Shares the port of this process, which is opened for the first that does. @returns its nonce. */
  join(user: PortUser): number {
    this.#users.add(user);
    if (this.#release === undefined) {
      const { port, release } = this.run.lease(() => {
        for (const one of [...this.#users]) one.onRing();
      });
      this.#port = port;
      this.#release = release;
    }
    return Number(nonceOf(this.#port));
  }

  leave(user: PortUser): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#release?.();
    this.#release = undefined;
  }

  /** The process of a nonce. */
  static processOf(nonce: number): number {
    return ownerOf(portOf(BigInt(nonce)));
  }

  #ask(call: SystemOperation['call'], port: number, isJoined = this.#goesAlong()): string {
    return this.run.system({ kind: 'system', call, port, pidKnown: true, connected: true, isJoined });
  }

  /** Undefined where it depends on what others do. */
  #goesAlong(): boolean | undefined {
    if (this.#together === 'no') return undefined;
    const isFirst = this.#together === 'first';
    this.#together = 'yes';
    return !isFirst;
  }
}
