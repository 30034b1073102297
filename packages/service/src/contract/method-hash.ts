const OFFSET_BASIS = 0x811c_9dc5;
const PRIME = 0x0100_0193;

const encoder = new TextEncoder();

/**
 * The number by which a call names its method: FNV-1a of 32 bits of the name's UTF-8 bytes. Two methods of one contract never have the
 * same: `defineService` refuses such names.
 *
 * @returns a whole number from 0 to 2^32 - 1.
 */
export function methodHash(name: string): number {
  let hash = OFFSET_BASIS;
  for (const byte of encoder.encode(name)) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}
