import type { Random } from '../support/random.js';

/** Bytes that begin values of all kinds, and those at the ends of their ranges. */
const INTERESTING = [
  0x00, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc7, 0xca, 0xcb,
  0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd6, 0xd7, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
  0xe0, 0xff,
];

/** The bytes with up to four of them changed, left out or added; or, at times, random ones. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  if (random(20) === 0) return Uint8Array.from({ length: random(60) }, () => random(256));
  const result = [...bytes];
  for (let count = random(4); count >= 0; count -= 1) {
    const at = random(result.length + 1);
    const byte = random(2) === 0 ? random(256) : INTERESTING[random(INTERESTING.length)]!;
    const kind = random(4);
    if (kind === 0) result.splice(at, 0, byte);
    else if (kind === 1) result.splice(at, 1 + random(4));
    else if (kind === 2 && random(8) === 0) result.length = at;
    else result[at] = byte;
  }
  return Uint8Array.from(result);
}

/** The bytes amid others, as a ring has them: none of those may matter. */
export function surrounded(random: Random, bytes: Uint8Array): Uint8Array {
  const source = new Uint8Array(bytes.length + 32).fill(INTERESTING[random(INTERESTING.length)]!);
  source.set(bytes, 16);
  return source;
}

/** Where the bytes begin that were {@link surrounded}. */
export const SURROUNDED_START = 16;
