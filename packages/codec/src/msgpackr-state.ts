import { clearSource, type Unpackr } from 'msgpackr';

/**
 * msgpackr keeps its working state in variables of its modules, and a stack overflow or a failed allocation in the wrong
 * place leaves them inconsistent for good: later map keys are then read as "undefined", without an error. The flag says that it may have
 * happened; the next call that is not itself inside msgpackr puts it right.
 *
 * The count is changed in place, not by functions: near the end of the stack a call may fail.
 */
export const msgpackrState: {
  /** Calls of `unpack` that are running, one inside the other. */
  unpacking: number;
  unpackSuspect: boolean;
} = { unpacking: 0, unpackSuspect: false };

/**
 * Replaces every entry of msgpackr's cache of map keys, of which one may be half made.
 *
 * The cache has 4096 places; a key of two bytes goes to the place `(2 << 5) ^ (its bytes as a number)`, modulo 4096. Two
 * different keys for each place: the first could be the very one that is half made, and would then be taken for cached.
 */
export function renewKeyCache(unpackr: Unpackr): void {
  clearSource();
  const map = Uint8Array.of(0x81, 0xa2, 0, 0, 0xc0);
  for (const highNibble of [0x20, 0x30]) {
    for (let place = 0; place < 4096; place += 1) {
      map[2] = highNibble | (place >> 8);
      map[3] = place & 0xff;
      unpackr.unpack(map);
    }
  }
  msgpackrState.unpackSuspect = false;
}
