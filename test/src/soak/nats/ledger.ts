import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Doubles of a record: number in the channel, life and its number. */
const FIELDS = 3;
const RECORDS_AT_ONCE = 4096;

/** A message as a witness has seen it. */
export interface Seen {
  /** Its number in the channel. */
  readonly sequence: number;
  readonly life: number;
  readonly number: number;
}

/** Writes down what a witness sees. */
export class SeenWriter {
  readonly #file: number;
  readonly #records = new Float64Array(FIELDS * RECORDS_AT_ONCE);
  #count = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  add({ sequence, life, number }: Seen): void {
    this.#records.set([sequence, life, number], FIELDS * this.#count);
    if (++this.#count === RECORDS_AT_ONCE) this.#write();
  }

  close(): void {
    this.#write();
    closeSync(this.#file);
  }

  #write(): void {
    writeSync(this.#file, new Uint8Array(this.#records.buffer, 0, 8 * FIELDS * this.#count));
    this.#count = 0;
  }
}

/** What a witness has written down, in order. */
export function readSeen(path: string): Seen[] {
  const bytes = readFileSync(path);
  const records = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Array.from({ length: records.length / FIELDS }, (_, index) => {
    const [sequence = 0, life = 0, number = 0] = records.subarray(FIELDS * index);
    return { sequence, life, number };
  });
}
