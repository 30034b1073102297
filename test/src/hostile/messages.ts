import type { Random } from '../support/random.js';

const ID_LENGTH = 4;
const CHECKSUM_LENGTH = 4;
/** Bytes of the smallest message. */
const SHORTEST = ID_LENGTH + CHECKSUM_LENGTH;

/** FNV-1a of all but the checksum. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < bytes.length - CHECKSUM_LENGTH; index++) {
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  }
  return hash >>> 0;
}

/** A message that says who it is and can be told from any other bytes. */
export function makeMessage(random: Random, id: number, most: number): Uint8Array {
  const bytes = new Uint8Array(SHORTEST + random(most - SHORTEST + 1));
  for (let index = ID_LENGTH; index < bytes.length; index++) bytes[index] = (id * 31 + index * 7) & 0xff;
  const view = new DataView(bytes.buffer);
  view.setUint32(0, id, true);
  view.setUint32(bytes.length - CHECKSUM_LENGTH, checksum(bytes), true);
  return bytes;
}

/** Its number; undefined when the bytes are no message of ours any more. */
export function idOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < SHORTEST) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(bytes.length - CHECKSUM_LENGTH, true) !== checksum(bytes)) return undefined;
  return view.getUint32(0, true);
}
