import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import { FRAGMENT_HEADER_LENGTH } from '../format/fragment-layout.js';
import { FRAME_HEADER_LENGTH, frameLength } from '../format/frame-layout.js';
import {
  ORIGIN_LENGTH,
  type Origin,
  type OriginWords,
  writeOrigin,
  writeOriginWords,
} from '../format/origin.js';
import type { RingWriter } from '../ring/ring-writer.js';

/** What is appended to the ring with one commit, and perhaps with more to follow. */
export interface Append {
  /** Messages that the commit completes, and bytes of payload that it takes along. */
  readonly messages: number;
  readonly bytes: number;
  /** Asked with the publisher lock held, before each commit: false refuses it. Where it is missing, nothing is refused. */
  isAllowed?(): boolean;
  /** Bytes that its frames take when they are written at the tail. */
  sizeIn(writer: RingWriter): number;
  write(writer: RingWriter, timestamp: number): void;
  /** Goes to what the next commit is to take; false when that was all. */
  advance(): boolean;
}

/** One message in one frame. */
export class MessageAppend implements Append {
  readonly messages = 1;
  payload: WordBytes;
  bytes: number;

  constructor(payload: WordBytes, length: number) {
    this.payload = payload;
    this.bytes = length;
  }

  sizeIn(writer: RingWriter): number {
    return writer.sizeOf(this.bytes);
  }

  write(writer: RingWriter, timestamp: number): void {
    writer.writeMessage(this.payload, this.bytes, timestamp);
  }

  advance(): boolean {
    return false;
  }
}

/** One message in one frame, which says where the message comes from. */
export class OriginAppend implements Append {
  readonly messages = 1;
  readonly bytes: number;
  readonly #extended: WordBytes;

  constructor(origin: Origin, payload: Uint8Array) {
    this.bytes = payload.length;
    this.#extended = allocateWordBytes(ORIGIN_LENGTH + payload.length);
    this.#extended.set(payload, ORIGIN_LENGTH);
    writeOrigin(this.#extended, origin);
  }

  get #length(): number {
    return ORIGIN_LENGTH + this.bytes;
  }

  sizeIn(writer: RingWriter): number {
    return writer.sizeOf(this.#length);
  }

  write(writer: RingWriter, timestamp: number): void {
    writer.writeExtended(this.#extended, this.#length, timestamp);
  }

  advance(): boolean {
    return false;
  }
}

/** Several messages, each in one frame, of which all or none are seen. */
abstract class Batch implements Append {
  protected readonly lengths: readonly number[];
  /** Bytes of all frames. */
  readonly #size: number;
  readonly bytes: number;

  /**
   * @param size bytes of all frames.
   * @param bytes of all payloads.
   */
  constructor(lengths: readonly number[], size: number, bytes: number) {
    this.lengths = lengths;
    this.#size = size;
    this.bytes = bytes;
  }

  get messages(): number {
    return this.lengths.length;
  }

  sizeIn(writer: RingWriter): number {
    return writer.sizeOfAll(this.lengths, this.#size);
  }

  abstract write(writer: RingWriter, timestamp: number): void;

  advance(): boolean {
    return false;
  }
}

/** A batch of what was encoded, laid out as it will be in the ring: so most of it is copied there at once. */
export class EncodedBatch extends Batch {
  readonly #frames: WordBytes;

  /** @param frames one behind the other, each with room for its header. */
  constructor(frames: WordBytes, lengths: readonly number[], size: number, bytes: number) {
    super(lengths, size, bytes);
    this.#frames = frames;
  }

  write(writer: RingWriter, timestamp: number): void {
    writer.writeFrames(this.#frames, this.lengths, timestamp);
  }
}

/** Up to so many bytes are copied one by one: making a view of them takes longer. */
const FEW_BYTES = 128;

/** A batch of messages that say where they come from. It is filled message by message, and can be filled again. */
export class OriginBatch implements Append {
  bytes = 0;
  readonly #frames: WordBytes;
  readonly #lengths: number[] = [];
  #end = 0;

  /** @param room bytes that its frames take at most. */
  constructor(room: number) {
    this.#frames = allocateWordBytes(room);
  }

  get messages(): number {
    return this.#lengths.length;
  }

  /** Adds bytes `[start, end)` of a source as a message. Returns false where there is no room for it. */
  add(origin: OriginWords, source: Uint8Array, start: number, end: number): boolean {
    const frames = this.#frames;
    const bytes = end - start;
    const next = this.#end + frameLength(ORIGIN_LENGTH + bytes);
    if (next > frames.length) return false;
    const extension = this.#end + FRAME_HEADER_LENGTH;
    writeOriginWords(frames.words, extension >> 2, origin);
    const to = extension + ORIGIN_LENGTH;
    if (bytes > FEW_BYTES) frames.set(source.subarray(start, end), to);
    else for (let index = 0; index < bytes; index++) frames[to + index] = source[start + index] as number;
    this.#lengths.push(ORIGIN_LENGTH + bytes);
    this.#end = next;
    this.bytes += bytes;
    return true;
  }

  /** Takes out what it has. */
  clear(): void {
    this.#lengths.length = 0;
    this.#end = 0;
    this.bytes = 0;
  }

  sizeIn(writer: RingWriter): number {
    return writer.sizeOfAll(this.#lengths, this.#end);
  }

  write(writer: RingWriter, timestamp: number): void {
    writer.writeFrames(this.#frames, this.#lengths, timestamp, true);
  }

  advance(): boolean {
    return false;
  }
}

/** A batch of bytes that are messages as they are, and still the program's: to be published at once or not at all. */
export class BytesBatch extends Batch {
  readonly #values: readonly Uint8Array[];

  /** @param lengths of the values: they themselves are the program's, and may say anything. */
  constructor(values: readonly Uint8Array[], lengths: readonly number[], size: number, bytes: number) {
    super(lengths, size, bytes);
    this.#values = values;
  }

  write(writer: RingWriter, timestamp: number): void {
    for (let index = 0; index < this.lengths.length; index++) {
      writer.writeBytes(this.#values[index] as Uint8Array, this.lengths[index] as number, timestamp);
    }
  }
}

/** A message that is too large for one frame, a fragment a commit. Other publishers may come in between. */
export class SplitAppend implements Append {
  readonly #payload: WordBytes;
  readonly #total: number;
  readonly #fragmentLength: number;
  readonly #generation: number;
  readonly #extension: WordBytes | undefined;
  #offset = 0;
  /** Where its first fragment is; undefined until that is written. */
  #began: number | undefined;

  /**
   * @param frameLength most bytes of payload of a frame, the fragment's header included.
   * @param origin where the message comes from. Defaults to this channel.
   */
  constructor(
    payload: WordBytes,
    total: number,
    generation: number,
    frameLength: number,
    origin?: Origin | undefined,
  ) {
    this.#payload = payload;
    this.#total = total;
    this.#generation = generation;
    this.#extension = origin === undefined ? undefined : allocateWordBytes(ORIGIN_LENGTH);
    if (this.#extension !== undefined) writeOrigin(this.#extension, origin as Origin);
    this.#fragmentLength = frameLength - FRAGMENT_HEADER_LENGTH - (this.#extension?.length ?? 0);
  }

  get messages(): number {
    return this.#offset + this.bytes === this.#total ? 1 : 0;
  }

  get bytes(): number {
    return Math.min(this.#fragmentLength, this.#total - this.#offset);
  }

  sizeIn(writer: RingWriter): number {
    const extended = this.#offset === 0 ? (this.#extension?.length ?? 0) : 0;
    return writer.sizeOf(extended + FRAGMENT_HEADER_LENGTH + this.bytes);
  }

  write(writer: RingWriter, timestamp: number): void {
    const isFirst = this.#offset === 0;
    const began = isFirst ? undefined : this.#began;
    const part = { began, total: this.#total, offset: this.#offset, generation: this.#generation };
    const bytes = this.#payload.subarray(this.#offset, this.#offset + this.bytes);
    this.#began = writer.writeFragment(part, bytes, timestamp, isFirst ? this.#extension : undefined);
  }

  advance(): boolean {
    this.#offset += this.bytes;
    return this.#offset < this.#total;
  }
}
