import type { Flight } from './channel.js';

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * The 32-bit FNV-1a hash of all the numbers so far, each as the eight bytes of its float64. A flight that is missing, altered
 * or out of order gives another hash.
 */
export class Checksum {
  readonly #number = new Float64Array(1);
  readonly #bytes = new Uint8Array(this.#number.buffer);
  #hash = OFFSET_BASIS;

  /** Goes on with the three numbers of a flight. */
  add({ delay, distance, time }: Flight): void {
    this.#addNumber(delay);
    this.#addNumber(distance);
    this.#addNumber(time);
  }

  /** The hash so far, in eight hexadecimal digits. */
  get value(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  #addNumber(value: number): void {
    this.#number[0] = value;
    const bytes = this.#bytes;
    let hash = this.#hash;
    for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME);
    this.#hash = hash;
  }
}
