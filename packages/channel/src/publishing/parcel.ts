import type { WordBytes } from '@mmfbus/codec';
import { FRAGMENT_HEADER_LENGTH } from '../layout/fragment-layout.js';
import type { RingWriter } from '../ring/ring-writer.js';

/** What is published with one commit, and perhaps with more to follow. */
export interface Parcel {
  /** Messages that the commit completes, and bytes of payload that it takes along. */
  readonly messages: number;
  readonly bytes: number;
  /** Position where its frames end when they are written at the tail. */
  endIn(writer: RingWriter): number;
  write(writer: RingWriter, timestamp: number): void;
  /** Goes to what the next commit is to take; false when that was all. */
  advance(): boolean;
}

/** One message in one frame. */
export class SingleMessage implements Parcel {
  readonly messages = 1;
  payload: WordBytes;
  bytes: number;

  constructor(payload: WordBytes, length: number) {
    this.payload = payload;
    this.bytes = length;
  }

  endIn(writer: RingWriter): number {
    return writer.endOf(writer.tail, this.bytes);
  }

  write(writer: RingWriter, timestamp: number): void {
    writer.writeMessage(this.payload, 0, this.bytes, timestamp);
  }

  advance(): boolean {
    return false;
  }
}

/** Several messages, each in one frame, of which all or none are seen. */
export class Batch implements Parcel {
  readonly bytes: number;
  readonly #payload: WordBytes;
  /** Where each message begins in the payload, and its length. */
  readonly #starts: readonly number[];
  readonly #lengths: readonly number[];

  constructor(payload: WordBytes, starts: readonly number[], lengths: readonly number[]) {
    this.#payload = payload;
    this.#starts = starts;
    this.#lengths = lengths;
    this.bytes = lengths.reduce((sum, length) => sum + length, 0);
  }

  get messages(): number {
    return this.#lengths.length;
  }

  endIn(writer: RingWriter): number {
    let end = writer.tail;
    for (const length of this.#lengths) end = writer.endOf(end, length);
    return end;
  }

  write(writer: RingWriter, timestamp: number): void {
    const lengths = this.#lengths;
    for (let index = 0; index < lengths.length; index++) {
      writer.writeMessage(this.#payload, this.#starts[index] as number, lengths[index] as number, timestamp);
    }
  }

  advance(): boolean {
    return false;
  }
}

/** A batch of bytes that are messages as they are, and still the program's: to be published at once or not at all. */
export class BytesBatch implements Parcel {
  readonly bytes: number;
  readonly #values: readonly Uint8Array[];
  readonly #lengths: readonly number[];

  /** @param lengths of the values: they themselves are the program's, and may say anything. */
  constructor(values: readonly Uint8Array[], lengths: readonly number[], bytes: number) {
    this.#values = values;
    this.#lengths = lengths;
    this.bytes = bytes;
  }

  get messages(): number {
    return this.#lengths.length;
  }

  endIn(writer: RingWriter): number {
    let end = writer.tail;
    for (const length of this.#lengths) end = writer.endOf(end, length);
    return end;
  }

  write(writer: RingWriter, timestamp: number): void {
    const lengths = this.#lengths;
    for (let index = 0; index < lengths.length; index++) {
      writer.writeBytes(this.#values[index] as Uint8Array, lengths[index] as number, timestamp);
    }
  }

  advance(): boolean {
    return false;
  }
}

/** A message that is too large for one frame, a part a commit. Other publishers may come in between. */
export class SplitMessage implements Parcel {
  readonly #payload: WordBytes;
  readonly #total: number;
  readonly #partLength: number;
  readonly #generation: number;
  #offset = 0;
  /** Where its first part is; undefined until that is written. */
  #began: number | undefined;

  /** @param partLength bytes of a fragment, its header included. */
  constructor(payload: WordBytes, total: number, generation: number, partLength: number) {
    this.#payload = payload;
    this.#total = total;
    this.#generation = generation;
    this.#partLength = partLength - FRAGMENT_HEADER_LENGTH;
  }

  get messages(): number {
    return this.#offset + this.bytes === this.#total ? 1 : 0;
  }

  get bytes(): number {
    return Math.min(this.#partLength, this.#total - this.#offset);
  }

  endIn(writer: RingWriter): number {
    return writer.endOf(writer.tail, FRAGMENT_HEADER_LENGTH + this.bytes);
  }

  write(writer: RingWriter, timestamp: number): void {
    const began = this.#offset === 0 ? undefined : this.#began;
    const part = { began, total: this.#total, offset: this.#offset, generation: this.#generation };
    const bytes = this.#payload.subarray(this.#offset, this.#offset + this.bytes);
    this.#began = writer.writeFragment(part, bytes, timestamp);
  }

  advance(): boolean {
    this.#offset += this.bytes;
    return this.#offset < this.#total;
  }
}
