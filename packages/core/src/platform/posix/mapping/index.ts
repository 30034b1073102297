import { mayHaveExternalBuffers } from '../../external-buffers.js';
import { mapAsExternalBuffer } from './external-buffer.js';
import type { Mapping } from './mapping.js';
import { mapOverWasmMemory } from './wasm-memory.js';

export type { Mapping } from './mapping.js';

/**
 * Maps the first `length` bytes of a file.
 *
 * @throws {@link MmfError} `UNSUPPORTED`, `NO_SPACE`, `ACCESS_DENIED` or `OS_ERROR`. Then nothing is mapped.
 */
export function map(fd: number, length: number, protection: number, path: string): Mapping {
  const mapping = mayHaveExternalBuffers() ? mapAsExternalBuffer(fd, length, protection, path) : undefined;
  return mapping ?? mapOverWasmMemory(fd, length, protection, path);
}
