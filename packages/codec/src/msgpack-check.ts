import { type Limits, MOST_DEPTH } from './limits.js';
import { cutTimestamp, readTimestamp } from './shape/timestamp-bytes.js';

const ENDS_EARLY = 'the bytes end inside the value';
const PROTO = Uint8Array.from('__proto__', (character) => character.charCodeAt(0));

// What is left to read in each enclosing container. Shared by all calls: the check runs no foreign code.
const outerLeft = new Float64Array(MOST_DEPTH);
const outerIsMap = new Uint8Array(MOST_DEPTH);

/**
 * Checks that the first `end` bytes, of private memory, are exactly one value that {@link msgpack} may hand to msgpackr, and cuts its
 * timestamps to whole milliseconds: msgpackr adds up fractions, and so rounds to the next second now and then.
 *
 * @returns what is wrong, or `undefined`.
 */
export function findFault(bytes: Uint8Array, end: number, limits: Limits): string | undefined {
  const reached = checkValue(bytes, 0, end, limits, cutTimestamp);
  if (typeof reached === 'string') return reached;
  return reached === end ? undefined : `${end - reached} bytes follow the value`;
}

/**
 * Checks the value between two positions: well-formed, no deeper and with no more items than allowed, map keys strings or numbers
 * and none of them `__proto__`, no extension but the timestamp. msgpackr has extensions of its own (records, pointers, classes)
 * that foreign bytes must not reach.
 *
 * @param onTimestamp gets the data of each timestamp.
 * @returns the position after it, or what is wrong.
 */
export function checkValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  { maxItems, maxDepth }: Limits,
  onTimestamp?: typeof cutTimestamp,
): number | string {
  let position = start;
  let depth = 0;
  let left = 1;
  let inMap = false;
  let items = 0;

  for (;;) {
    while (left === 0) {
      if (depth === 0) return position > end ? ENDS_EARLY : position;
      depth -= 1;
      left = outerLeft[depth] as number;
      inMap = outerIsMap[depth] === 1;
    }
    // A length that points beyond the end is caught here or above. Until then only private memory is read.
    if (position >= end) return ENDS_EARLY;

    const isKey = inMap && (left & 1) === 0;
    left -= 1;
    const token = bytes[position++] as number;
    if (token < 0x80 || token >= 0xe0) continue;

    let children = -1;
    if (token < 0x90) children = (token & 0x0f) * 2;
    else if (token < 0xa0) children = token & 0x0f;
    else if (token < 0xc0) {
      const length = token & 0x1f;
      if (isKey && length === PROTO.length && isProto(bytes, position))
        return 'a map has the key "__proto__"';
      position += length;
      continue;
    } else {
      if (isKey && !KEY_TOKENS[token - 0xc0]) return 'a map key is neither a string nor a number';
      switch (token) {
        case 0xc1:
          return 'the byte 0xc1 is no value';
        case 0xc0:
        case 0xc2:
        case 0xc3:
          continue;
        case 0xc4:
          position += 1 + readUint(bytes, position, 1);
          continue;
        case 0xc5:
          position += 2 + readUint(bytes, position, 2);
          continue;
        case 0xc6:
          position += 4 + readUint(bytes, position, 4);
          continue;
        case 0xc7:
        case 0xc8:
        case 0xc9:
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8: {
          const lengthSize = token < 0xd4 ? 1 << (token - 0xc7) : 0;
          const length = lengthSize === 0 ? 1 << (token - 0xd4) : readUint(bytes, position, lengthSize);
          position += lengthSize;
          if (position + 1 + length > end) return ENDS_EARLY;
          if (bytes[position] !== 0xff)
            return `an extension of type ${((bytes[position] as number) << 24) >> 24}`;
          if (Number.isNaN(readTimestamp(bytes, position + 1, length)))
            return 'a timestamp that is no valid date';
          onTimestamp?.(bytes, position + 1, length);
          position += 1 + length;
          continue;
        }
        case 0xd9:
        case 0xda:
        case 0xdb: {
          const lengthSize = 1 << (token - 0xd9);
          const length = readUint(bytes, position, lengthSize);
          position += lengthSize;
          if (isKey && length === PROTO.length && isProto(bytes, position))
            return 'a map has the key "__proto__"';
          position += length;
          continue;
        }
        case 0xdc:
        case 0xdd:
        case 0xde:
        case 0xdf: {
          const lengthSize = token % 2 === 0 ? 2 : 4;
          children = readUint(bytes, position, lengthSize) * (token < 0xde ? 1 : 2);
          position += lengthSize;
          break;
        }
        default:
          position += NUMBER_SIZES[token - 0xca] as number;
          continue;
      }
    }

    if (isKey) return 'a map key is neither a string nor a number';
    if (children > end - position) return ENDS_EARLY;
    if (depth === maxDepth) return `nested deeper than ${maxDepth} levels (maxDepth)`;
    outerLeft[depth] = left;
    outerIsMap[depth] = inMap ? 1 : 0;
    depth += 1;
    left = children;
    inMap = token < 0x90 || token >= 0xde;
    items += inMap ? children / 2 : children;
    if (items > maxItems) return `${items} or more items and entries, where maxItems allows ${maxItems}`;
  }
}

/** Bytes after the first one of float 32 and 64, uint 8 to 64, int 8 to 64: the tokens 0xca to 0xd3. */
const NUMBER_SIZES: readonly number[] = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/** Which of the tokens 0xc0 to 0xdf may start a map key: the numbers and the strings. */
const KEY_TOKENS: readonly boolean[] = Array.from(
  { length: 32 },
  (_, index) => (index >= 0x0a && index <= 0x13) || (index >= 0x19 && index <= 0x1b),
);

function readUint(bytes: Uint8Array, position: number, size: number): number {
  let value = 0;
  for (let index = 0; index < size; index += 1) value = value * 256 + (bytes[position + index] ?? 0);
  return value;
}

function isProto(bytes: Uint8Array, position: number): boolean {
  for (let index = 0; index < PROTO.length; index += 1) {
    if (bytes[position + index] !== PROTO[index]) return false;
  }
  return true;
}
