/**
 * The mark of a POSIX segment: the last 64 bytes of its file, in a page of its own past the window that is mapped, so
 * that programs which know nothing of it map the same bytes as always. It says that the file is subject to the lock
 * rule (see `segment.ts`) and may be removed when its lock is free.
 *
 * All numbers are little-endian.
 */
export const MARK_LENGTH = 64;

const MAGIC_OFFSET = 0;
const MAGIC = Buffer.from('mmfbus\0\x01', 'latin1');
const SIZE_OFFSET: number = MAGIC_OFFSET + MAGIC.length;

/** Makes the mark for a window of `size` bytes. */
export function encodeMark(size: number): Buffer {
  const mark = Buffer.alloc(MARK_LENGTH);
  MAGIC.copy(mark, MAGIC_OFFSET);
  mark.writeBigUInt64LE(BigInt(size), SIZE_OFFSET);
  return mark;
}

/** The window's size in bytes; undefined when these bytes are no mark, or one that cannot be right. */
export function decodeMark(mark: Buffer, fileSize: number): number | undefined {
  if (mark.length !== MARK_LENGTH || !mark.subarray(MAGIC_OFFSET, SIZE_OFFSET).equals(MAGIC))
    return undefined;
  const size = Number(mark.readBigUInt64LE(SIZE_OFFSET));
  return size > 0 && size <= fileSize - MARK_LENGTH ? size : undefined;
}

/** Bytes of the file for a window of `size` bytes. */
export function markedFileSize(size: number, pageSize: number): number {
  return (Math.ceil(size / pageSize) + 1) * pageSize;
}
