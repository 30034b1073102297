import { callLayout } from '@mmfbus/channel/internal';
import { type Codec, CodecError } from '@mmfbus/codec';
import { encodeInPlace, encodesInPlace, type InPlaceCodec, type InPlaceTarget } from '@mmfbus/codec/internal';
import { readU16, readU32, readU64 } from './packet.js';

const { ANSWER_ID_OFFSET, ANSWER_LENGTH, TEXT_LENGTH_OFFSET } = callLayout;

/** An answer, as a server sends it. */
export interface OutgoingAnswer {
  kind: number;
  cell: number;
  id: number;
  /** What stands before the data, in UTF-8; empty for nothing. */
  text: Uint8Array;
  /** Of the data. */
  codec: Codec<unknown>;
  value: unknown;
  /** Bytes that it took when it was encoded last. */
  cost: number;
}

/** What an answer begins with, as a client reads it. */
export interface AnswerHead {
  kind: number;
  cell: number;
  id: number;
  /** Where the text begins and ends, and the data begins. */
  textStart: number;
  textEnd: number;
  dataStart: number;
}

const CELL_AT = 2;

/**
 * Reads what an answer begins with.
 *
 * @returns whether it is whole.
 */
export function readAnswer(head: AnswerHead, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < ANSWER_LENGTH) return false;
  head.kind = bytes[start] as number;
  head.cell = readU16(bytes, start + CELL_AT);
  head.id = readU64(bytes, start + ANSWER_ID_OFFSET);
  head.textStart = start + ANSWER_LENGTH;
  head.textEnd = head.textStart + readU32(bytes, start + TEXT_LENGTH_OFFSET);
  head.dataStart = start + dataOffset(head.textEnd - head.textStart);
  return head.dataStart <= end;
}

function dataOffset(textLength: number): number {
  return ANSWER_LENGTH + Math.ceil(textLength / 8) * 8;
}

/** The place behind the envelope of an answer in a ring. */
class PlaceBehind implements InPlaceTarget {
  readonly #outer: InPlaceTarget;
  readonly bytes: InPlaceTarget['bytes'];
  readonly data: InPlaceTarget['data'];
  offset = 0;
  limit = 0;

  constructor(outer: InPlaceTarget) {
    this.#outer = outer;
    this.bytes = outer.bytes;
    this.data = outer.data;
  }

  isIn(outer: InPlaceTarget): boolean {
    return this.#outer === outer;
  }

  begin(length: number): boolean {
    const outer = this.#outer;
    if (!outer.begin(ANSWER_LENGTH + length)) return false;
    this.offset = outer.offset + ANSWER_LENGTH;
    this.limit = outer.limit;
    return true;
  }
}

/** A codec of answers, which the codecs of the values encode behind their envelope: in the ring itself where they can. */
export function answerCodec(): Codec<OutgoingAnswer> & InPlaceCodec<OutgoingAnswer> {
  let place: PlaceBehind | undefined;
  // Most answers have the codec of the one before.
  let last: Codec<unknown> | undefined;
  let inPlace: InPlaceCodec<unknown> | undefined;
  return {
    id: 'mmfbus~replies',
    encode(answer, target, offset) {
      const data = offset + dataOffset(answer.text.length);
      if (data > target.length) throw new CodecError('NO_ROOM', 'the envelope', { needed: data - offset });
      writeHead(answer, target, offset);
      target.fill(0, offset + ANSWER_LENGTH, data);
      target.set(answer.text, offset + ANSWER_LENGTH);
      const end = answer.codec.encode(answer.value, target, data);
      answer.cost = end - offset;
      return end;
    },
    decode() {
      throw new Error('answers are decoded by their calls');
    },
    [encodeInPlace](answer, outer) {
      const { codec } = answer;
      if (codec !== last) {
        last = codec;
        inPlace = encodesInPlace(codec) ? codec : undefined;
      }
      if (inPlace === undefined || answer.text.length > 0) return -1;
      // A sender has one place.
      if (place?.isIn(outer) !== true) place = new PlaceBehind(outer);
      const end = inPlace[encodeInPlace](answer.value, place);
      if (end >= 0) {
        writeHead(answer, outer.bytes, outer.offset);
        answer.cost = end - outer.offset;
      }
      return end;
    },
  };
}

function writeHead(
  { kind, cell, id, text }: OutgoingAnswer,
  bytes: { [index: number]: number },
  at: number,
): void {
  bytes[at] = kind;
  bytes[at + 1] = 0;
  bytes[at + CELL_AT] = cell;
  bytes[at + CELL_AT + 1] = cell >> 8;
  writeU32(bytes, at + TEXT_LENGTH_OFFSET, text.length);
  writeU32(bytes, at + ANSWER_ID_OFFSET, id);
  writeU32(bytes, at + ANSWER_ID_OFFSET + 4, id / 2 ** 32);
}

function writeU32(bytes: { [index: number]: number }, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
