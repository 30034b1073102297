import { readText } from './shape/text.js';

/** Keys that are kept, a power of two. */
const KEPT = 1024;
/** Bytes up to which {@link readText} keeps what it read last itself. */
const SHORT = 8;
/** Bytes of the longest key that is kept. */
const LONGEST = 32;

const keys: string[] = new Array<string>(KEPT).fill('');
const lengths = new Uint8Array(KEPT);
const contents = new Uint8Array(KEPT * LONGEST);

/**
 * Reads a key of a map, from private memory. The same keys come in message after message: where the bytes are those of a recent
 * key, its string is returned, which V8 has in its table of property names already and need not hash again.
 */
export function readKey(source: Uint8Array, position: number, length: number): string {
  if (length <= SHORT || length > LONGEST) return readText(source, position, length);
  const last = position + length - 1;
  const mixed = (source[position]! << 16) ^ (source[position + (length >> 1)]! << 8) ^ source[last]! ^ length;
  const place = Math.imul(mixed, 0x9e37_79b1) >>> 22;
  const start = place * LONGEST;
  if (lengths[place] === length) {
    let index = 0;
    while (index < length && contents[start + index] === source[position + index]) index += 1;
    if (index === length) return keys[place]!;
  }
  const key = toPropertyName(readText(source, position, length));
  lengths[place] = 0;
  keys[place] = key;
  for (let index = 0; index < length; index += 1) contents[start + index] = source[position + index]!;
  lengths[place] = length;
  return key;
}

/** The string that V8 itself keeps for a property of that name. */
function toPropertyName(text: string): string {
  for (const name in { [text]: 0 }) return name;
  return text;
}
