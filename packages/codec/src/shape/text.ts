import { isUtf8 } from 'node:buffer';

// Methods of Buffer that work on any Uint8Array, without the cost of a view that TextEncoder and TextDecoder need.
const utf8Write = Reflect.get(Buffer.prototype, 'utf8Write') as (
  this: Uint8Array,
  text: string,
  offset: number,
  length: number,
) => number;
const utf8Slice = Reflect.get(Buffer.prototype, 'utf8Slice') as (
  this: Uint8Array,
  start: number,
  end: number,
) => string;

/** Characters up to which a loop of ours writes faster than a call out of JavaScript. */
const SHORT_WRITE = 20;
/** Bytes up to which `String.fromCharCode` reads faster than a call out of JavaScript. */
const SHORT_READ = 16;

const { fromCharCode } = String;

/**
 * Writes a string of msgpack, header and UTF-8, in the shortest form.
 *
 * @returns the offset after it; -1 when it might not fit below `limit`, or has a lone surrogate.
 */
export function writeText(text: string, target: Uint8Array, offset: number, limit: number): number {
  const { length } = text;
  if (offset + 5 + 3 * length > limit) return -1;
  if (length > SHORT_WRITE) return writeLongText(text, target, offset);
  const start = offset + 1;
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return writeLongText(text, target, offset);
    target[start + index] = code;
  }
  target[offset] = 0xa0 | length;
  return start + length;
}

/** The same for any text, the room having been checked. */
function writeLongText(text: string, target: Uint8Array, offset: number): number {
  const { length } = text;
  // As if it were ASCII; where it is not and the header grows, the text is moved.
  const guess = headerSize(length);
  const written = utf8Write.call(target, text, offset + guess, 3 * length);
  if (written !== length && !isWellFormed(text)) return -1;
  const header = headerSize(written);
  if (header !== guess) target.copyWithin(offset + header, offset + guess, offset + guess + written);
  putTextHeader(target, offset, written);
  return offset + header + written;
}

function headerSize(length: number): number {
  if (length < 0x20) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}

function putTextHeader(target: Uint8Array, offset: number, length: number): void {
  if (length < 0x20) {
    target[offset] = 0xa0 | length;
  } else if (length < 0x100) {
    target[offset] = 0xd9;
    target[offset + 1] = length;
  } else if (length < 0x10000) {
    target[offset] = 0xda;
    target[offset + 1] = length >>> 8;
    target[offset + 2] = length;
  } else {
    target[offset] = 0xdb;
    target[offset + 1] = length >>> 24;
    target[offset + 2] = length >>> 16;
    target[offset + 3] = length >>> 8;
    target[offset + 4] = length;
  }
}

/** Reads `length` bytes of UTF-8, which lie in `source`. What is not UTF-8 becomes U+FFFD. */
export function readText(source: Uint8Array, position: number, length: number): string {
  const end = position + length;
  if (length > SHORT_READ) return utf8Slice.call(source, position, end);
  let all = 0;
  for (let index = position; index < end; index += 1) all |= source[index]!;
  if (all > 0x7f) return utf8Slice.call(source, position, end);
  if (length <= 8) return readAscii(source, position, length);
  return readAscii(source, position, 8) + readAscii(source, position + 8, length - 8);
}

/** At most eight characters. One call with all of them makes one string; adding them up would make eight. */
function readAscii(source: Uint8Array, position: number, length: number): string {
  const a = source[position]!;
  if (length < 2) return length === 0 ? '' : fromCharCode(a);
  const b = source[position + 1]!;
  if (length === 2) return fromCharCode(a, b);
  const c = source[position + 2]!;
  if (length === 3) return fromCharCode(a, b, c);
  const d = source[position + 3]!;
  if (length === 4) return fromCharCode(a, b, c, d);
  const e = source[position + 4]!;
  if (length === 5) return fromCharCode(a, b, c, d, e);
  const f = source[position + 5]!;
  if (length === 6) return fromCharCode(a, b, c, d, e, f);
  const g = source[position + 6]!;
  if (length === 7) return fromCharCode(a, b, c, d, e, f, g);
  return fromCharCode(a, b, c, d, e, f, g, source[position + 7]!);
}

/** Whether a text that was read from there is what the bytes say, nothing in it having been replaced. */
export function isFaithful(text: string, source: Uint8Array, position: number, length: number): boolean {
  return (
    !text.includes('\ufffd') || isUtf8(new Uint8Array(source.buffer, source.byteOffset + position, length))
  );
}

/** Whether a string has UTF-8: every surrogate in it has its other half. */
export function isWellFormed(text: string): boolean {
  // TypeScript knows isWellFormed from ES2024 on, Node from 20 on.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Whether there are at most `most` code points. */
export function hasAtMost(text: string, most: number): boolean {
  if (text.length <= most) return true;
  if (text.length > 2 * most) return false;
  let count = 0;
  for (const _ of text) count += 1;
  return count <= most;
}
