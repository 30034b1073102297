import type { Value } from '../operations.js';
import type { Places } from '../world.js';

/** The places of shared memory of a service, each by its name. All are words of 32 bits. */
export class NamedPlaces implements Places {
  readonly names: string[] = [];
  readonly zeros: Value[] = [];
  readonly #index = new Map<string, number>();

  at(name: string): number {
    let cell = this.#index.get(name);
    if (cell === undefined) {
      cell = this.names.length;
      this.#index.set(name, cell);
      this.names.push(name);
      this.zeros.push(0);
    }
    return cell;
  }
}

/** A message as its place in memory names it. */
export interface StoredMessage {
  /** Slot of its publisher. */
  readonly publisher: number;
  readonly bytes: Uint8Array;
}

/** Every message that was ever published; equal ones have one number. */
export class StoredMessages {
  readonly #messages: StoredMessage[] = [];
  readonly #numbers = new Map<string, number>();

  /** @returns its number, from 1 on. */
  numberOf(publisher: number, bytes: Uint8Array): number {
    const key = `${publisher} ${Buffer.from(bytes).toString('latin1')}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#messages.push({ publisher, bytes: bytes.slice() });
      this.#numbers.set(key, number);
    }
    return number;
  }

  at(number: number): StoredMessage {
    return this.#messages[number - 1] as StoredMessage;
  }
}
