import { callLayout } from '@mmfbus/channel/internal';
import { type Codec, CodecError } from '@mmfbus/codec';
import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import { readU16, readU32, readU64 } from './packet.js';

const {
  DEADLINE_OFFSET,
  ENVELOPE_END,
  ENVELOPE_ID_OFFSET,
  ENVELOPE_ITEM,
  ENVELOPE_LENGTH,
  ENVELOPE_METHOD_OFFSET,
  ITEM_LENGTH,
  MAILBOX_INCARNATION_OFFSET,
  MAILBOX_OFFSET,
} = callLayout;

const FIRST_LENGTH = 256;
/** An envelope that needed more than this does not keep its memory. */
const LONGEST_KEPT: number = 64 * 1024;
const CELL_AT = 2;

/** What identifies a mailbox to servers. */
export interface MailboxIdentity {
  /** Halves of its id and its incarnation, so that no BigInt is used for each call. */
  readonly idLow: number;
  readonly idHigh: number;
  readonly incarnationLow: number;
  readonly incarnationHigh: number;
}

/** The bytes of one call, which may be sent several times: to another server, each time with another id. */
export class OutgoingCall {
  bytes: WordBytes = allocateWordBytes(FIRST_LENGTH);
  /** Of the whole message. */
  length = 0;

  /**
   * Writes the input.
   *
   * @param limit bytes that the message may have.
   * @throws {@link CodecError} `UNENCODABLE`, also for what is too large.
   */
  encode(codec: Codec<unknown>, input: unknown, limit: number): void {
    for (;;) {
      try {
        this.length = codec.encode(input, this.bytes, ENVELOPE_LENGTH);
        if (this.length > limit) throw tooLarge(this.length, limit);
        return;
      } catch (error) {
        if (!(error instanceof CodecError) || error.code !== 'NO_ROOM') throw error;
        const needed = ENVELOPE_LENGTH + (error.needed ?? 0);
        if (needed > limit || this.bytes.length >= limit) throw tooLarge(needed, limit);
        this.bytes = allocateWordBytes(Math.min(limit, Math.max(needed, 2 * this.bytes.length)));
      }
    }
  }

  /** Writes what is the same for all attempts. `deadline` is in nanoseconds of the monotonic clock, 0 for none. */
  address(kind: number, method: number, deadline: number): void {
    const { words } = this.bytes;
    words[0] = kind;
    words[ENVELOPE_METHOD_OFFSET >> 2] = method;
    writeU64(words, DEADLINE_OFFSET, deadline);
  }

  /** Writes what is another for each attempt. */
  attempt(cell: number, id: number, mailbox: MailboxIdentity | undefined): void {
    const { words } = this.bytes;
    words[0] = ((words[0] as number) & 0xffff) | (cell << 16);
    writeU64(words, ENVELOPE_ID_OFFSET, id);
    const { idLow = 0, idHigh = 0, incarnationLow = 0, incarnationHigh = 0 } = mailbox ?? {};
    words[MAILBOX_OFFSET >> 2] = idLow;
    words[(MAILBOX_OFFSET >> 2) + 1] = idHigh;
    words[MAILBOX_INCARNATION_OFFSET >> 2] = incarnationLow;
    words[(MAILBOX_INCARNATION_OFFSET >> 2) + 1] = incarnationHigh;
  }

  /** The bytes are not needed any more. */
  recycle(): void {
    if (this.bytes.length > LONGEST_KEPT) this.bytes = allocateWordBytes(FIRST_LENGTH);
  }
}

function tooLarge(length: number, limit: number): CodecError {
  return new CodecError('UNENCODABLE', `it takes ${length} bytes or more; a call carries at most ${limit}`);
}

/** An item of a stream of inputs, or its end. */
export interface OutgoingItem {
  kind: number;
  cell: number;
  method: number;
  id: number;
  mailbox: bigint;
  codec: Codec<unknown>;
  value: unknown;
  /** Bytes that it took when it was encoded last. */
  cost: number;
}

/** The codec of what a client sends to an inbox beside calls. */
export function itemCodec(): Codec<OutgoingItem> {
  const head = allocateWordBytes(ITEM_LENGTH);
  return {
    id: 'mmfbus~calls',
    encode(item, target, offset) {
      const { kind, cell, method, id, mailbox, codec, value } = item;
      const data = offset + ITEM_LENGTH;
      if (data > target.length) throw new CodecError('NO_ROOM', 'the envelope', { needed: ITEM_LENGTH });
      const { words } = head;
      words[0] = kind | (cell << 16);
      words[ENVELOPE_METHOD_OFFSET >> 2] = method;
      writeU64(words, ENVELOPE_ID_OFFSET, id);
      writeBig(words, MAILBOX_OFFSET, mailbox);
      const end = kind === ENVELOPE_END ? data : codec.encode(value, target, data);
      target.set(head, offset);
      item.cost = end - offset;
      return end;
    },
    decode() {
      throw new Error('items are decoded by their calls');
    },
  };
}

/** What a message in an inbox begins with, as a server reads it. */
export interface EnvelopeHead {
  kind: number;
  cell: number;
  method: number;
  id: number;
  /** Two halves, so that no BigInt is made for each call. */
  mailboxLow: number;
  mailboxHigh: number;
  incarnationLow: number;
  incarnationHigh: number;
  /** Nanoseconds of the monotonic clock; 0 for never. */
  deadline: number;
  dataStart: number;
}

export function emptyHead(): EnvelopeHead {
  return {
    kind: 0,
    cell: 0,
    method: 0,
    id: 0,
    mailboxLow: 0,
    mailboxHigh: 0,
    incarnationLow: 0,
    incarnationHigh: 0,
    deadline: 0,
    dataStart: 0,
  };
}

/**
 * Reads what a message begins with.
 *
 * @returns whether it is whole.
 */
export function readEnvelope(head: EnvelopeHead, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < ITEM_LENGTH) return false;
  head.kind = bytes[start] as number;
  head.cell = readU16(bytes, start + CELL_AT);
  head.method = readU32(bytes, start + ENVELOPE_METHOD_OFFSET);
  head.id = readU64(bytes, start + ENVELOPE_ID_OFFSET);
  head.mailboxLow = readU32(bytes, start + MAILBOX_OFFSET);
  head.mailboxHigh = readU32(bytes, start + MAILBOX_OFFSET + 4);
  head.dataStart = start + ITEM_LENGTH;
  if (head.kind === ENVELOPE_ITEM || head.kind === ENVELOPE_END) return true;
  if (end - start < ENVELOPE_LENGTH) return false;
  head.incarnationLow = readU32(bytes, start + MAILBOX_INCARNATION_OFFSET);
  head.incarnationHigh = readU32(bytes, start + MAILBOX_INCARNATION_OFFSET + 4);
  head.deadline = readU64(bytes, start + DEADLINE_OFFSET);
  head.dataStart = start + ENVELOPE_LENGTH;
  return true;
}

/** A number of 64 bits made of its halves. */
export function joinHalves(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Its low and its high half. */
export function halvesOf(value: bigint): [low: number, high: number] {
  return [Number(value & LOW), Number(value >> 32n)];
}

function writeU64(words: Int32Array, at: number, value: number): void {
  words[at >> 2] = value;
  words[(at >> 2) + 1] = value / 2 ** 32;
}

const LOW = 0xffffffffn;

function writeBig(words: Int32Array, at: number, value: bigint): void {
  words[at >> 2] = Number(value & LOW);
  words[(at >> 2) + 1] = Number(value >> 32n);
}
