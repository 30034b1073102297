import type { SharedMemory } from '@mmfbus/core/internal';

/** Shared memory as a plain buffer, which may go on behind it: for tests that look at single fields, and for those that write nonsense. */
export function rawMemory(memory: SharedMemory): ArrayBuffer {
  return (memory as unknown as Uint8Array<ArrayBuffer>).buffer;
}
