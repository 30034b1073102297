import { koffi } from '../koffi.js';
import type { Address } from './kernel32.js';

/**
 * The mark of a Windows segment: the last 64 bytes of its last page, past the window, so that programs which know
 * nothing of it find the same bytes as always. It gives the window's size to the byte, which Windows does not keep, and
 * tells a segment that was filled from one whose creator died before that.
 *
 * All numbers are little-endian. It is read and written under the name's mutex only, which orders the accesses; and by
 * address, so that there is no buffer of it to detach.
 */
const MARK_LENGTH = 64;

const MAGIC_OFFSET = 0;
/** `mmfbus\0\x01` as a number. */
const MAGIC: bigint = Buffer.from('mmfbus\0\x01', 'latin1').readBigUInt64LE();
const SIZE_OFFSET: number = MAGIC_OFFSET + 8;
const STATE_OFFSET: number = SIZE_OFFSET + 8;
const STATE_FILLING = 1;
const STATE_READY = 2;

/** What a mark says. */
export interface Mark {
  /** Bytes of the window. */
  readonly size: number;
  /** Whether the creator finished filling it. */
  readonly ready: boolean;
}

/** Bytes of the whole mapping for a window of `size` bytes. */
export function markedSize(size: number, pageSize: number): number {
  return Math.ceil((size + MARK_LENGTH) / pageSize) * pageSize;
}

/** Undefined when these pages bear no mark, or one that cannot be right. */
export function readMark(address: Address, regionSize: number): Mark | undefined {
  const mark = address + BigInt(regionSize - MARK_LENGTH);
  const read = (offset: number) => BigInt(koffi().decode(mark, offset, 'uint64_t'));
  if (read(MAGIC_OFFSET) !== MAGIC) return undefined;
  const size = Number(read(SIZE_OFFSET));
  const state = Number(read(STATE_OFFSET));
  if (size < 1 || size > regionSize - MARK_LENGTH) return undefined;
  if (state !== STATE_FILLING && state !== STATE_READY) return undefined;
  return { size, ready: state === STATE_READY };
}

/** Writes the mark; the magic comes last, so that there is no half a mark. */
export function writeMark(address: Address, regionSize: number, { size, ready }: Mark): void {
  const mark = address + BigInt(regionSize - MARK_LENGTH);
  koffi().encode(mark, SIZE_OFFSET, 'uint64_t', size);
  koffi().encode(mark, STATE_OFFSET, 'uint64_t', ready ? STATE_READY : STATE_FILLING);
  koffi().encode(mark, MAGIC_OFFSET, 'uint64_t', MAGIC);
}
