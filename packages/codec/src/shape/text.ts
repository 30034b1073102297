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

/**
 * Characters up to which a loop of ours writes faster than a call out of JavaScript, which takes 80 ns in Node 20 and 15 to 35 from 22 on.
 * At most 31, which the shortest header says.
 */
const SHORT_WRITE = Number.parseInt(process.versions.node, 10) < 22 ? 31 : 16;
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
  // Three bytes for each character are not needed often, but faster than counting.
  if (offset + 5 + 3 * length > limit && offset + 5 + Buffer.byteLength(text) > limit) return -1;
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
  const start = offset + guess;
  // From Node 22 on it throws for a length that goes beyond the target, also where the text does not.
  const written = utf8Write.call(target, text, start, Math.min(3 * length, target.length - start));
  if (written !== length && !isWellFormed(text)) return -1;
  const header = headerSize(written);
  if (header !== guess) target.copyWithin(offset + header, start, start + written);
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
  if (length <= 8) return readShortText(source, position, length);
  const end = position + length;
  if (length > SHORT_READ) return utf8Slice.call(source, position, end);
  let all = 0;
  for (let index = position; index < end; index += 1) all |= source[index]!;
  if (all > 0x7f) return utf8Slice.call(source, position, end);
  return readShortText(source, position, 8) + readShortText(source, position + 8, length - 8);
}

/** Strings that were read last, by their characters: names, codes and symbols come again and again. */
const RECENT = 2048;
const recentTexts: string[] = new Array<string>(RECENT).fill('');
const recentFirst = new Int32Array(RECENT);
const recentLast = new Int32Array(RECENT);

/** At most eight bytes, of which each is read once: what is kept must be what is written there. */
function readShortText(source: Uint8Array, position: number, length: number): string {
  let first = 0;
  let last = 0;
  const end = position + length;
  if (length <= 4) {
    for (let index = position; index < end; index += 1) first = (first << 8) | source[index]!;
  } else {
    const middle = end - 4;
    for (let index = position; index < middle; index += 1) first = (first << 8) | source[index]!;
    for (let index = middle; index < end; index += 1) last = (last << 8) | source[index]!;
  }
  if (((first | last) & 0x8080_8080) !== 0) return utf8Slice.call(source, position, end);
  const place = Math.imul(first ^ Math.imul(last, 0x9e37_79b1) ^ length, 0x85eb_ca6b) >>> 21;
  const recent = recentTexts[place]!;
  if (recentFirst[place] === first && recentLast[place] === last && recent.length === length) return recent;
  const text = toText(first, last, length);
  recentFirst[place] = first;
  recentLast[place] = last;
  recentTexts[place] = text;
  return text;
}

/** One call with all characters makes one string; adding them up would make eight. */
function toText(first: number, last: number, length: number): string {
  const [a, b, c, d] = [first >>> 24, (first >> 16) & 0xff, (first >> 8) & 0xff, first & 0xff];
  switch (length) {
    case 0:
      return '';
    case 1:
      return fromCharCode(d);
    case 2:
      return fromCharCode(c, d);
    case 3:
      return fromCharCode(b, c, d);
    case 4:
      return fromCharCode(a, b, c, d);
  }
  const [e, f, g, h] = [last >>> 24, (last >> 16) & 0xff, (last >> 8) & 0xff, last & 0xff];
  switch (length) {
    case 5:
      return fromCharCode(d, e, f, g, h);
    case 6:
      return fromCharCode(c, d, e, f, g, h);
    case 7:
      return fromCharCode(b, c, d, e, f, g, h);
    default:
      return fromCharCode(a, b, c, d, e, f, g, h);
  }
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
