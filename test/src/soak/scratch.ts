import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Where soaks have their folders: in memory where there is such a place. */
export function scratchParent(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}
