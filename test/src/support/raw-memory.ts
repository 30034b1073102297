import type { SharedMemory } from '@mmfbus/core/internal';

/** Shared memory as a plain buffer: for tests that look at single fields, and for those that write nonsense. */
export function rawMemory(memory: SharedMemory): ArrayBuffer {
  return memory as unknown as ArrayBuffer;
}
