import { constants } from 'node:buffer';
import { isMainThread } from 'node:worker_threads';
import { detach } from '../../../detach.js';
import { MmfError } from '../../../errors.js';
import { externalBuffer } from '../../external-buffers.js';
import { koffi } from '../../koffi.js';
import { atThreadEnd } from '../../thread-end.js';
import { mapFile, type Region, unmap } from '../libc.js';
import type { Mapping } from './mapping.js';

/** Maps a file where the system likes, with a buffer over it; undefined where the runtime forbids that. */
export function mapAsExternalBuffer(
  fd: number,
  length: number,
  protection: number,
  path: string,
): Mapping | undefined {
  // koffi ends the process where V8 cannot make an ArrayBuffer that large.
  if (length > constants.MAX_LENGTH) {
    throw new MmfError(
      'UNSUPPORTED',
      `${path} has ${length} bytes; this version of Node maps at most ${constants.MAX_LENGTH}`,
    );
  }
  const region = { address: mapFile(fd, length, protection, path), length };
  const buffer = externalBuffer(region.address, length);
  if (buffer === undefined) {
    unmap(region);
    return undefined;
  }
  const forgetThreadEnd = unmapAtThreadEnd(region);
  return {
    ...region,
    memory: new Uint8Array(buffer),
    release() {
      if (!detach(buffer)) return;
      forgetThreadEnd();
      unmap(region);
    },
  };
}

/** What makes V8 the owner of mapped memory: functions, and addresses of functions that C calls. */
interface BackingStores {
  create(data: unknown, length: number, free: unknown, context: null): { store: unknown };
  readonly destroy: unknown;
  readonly munmap: unknown;
}

let backingStores: BackingStores | undefined;

/**
 * Sees to it that memory is unmapped when this thread ends, also by force. Nothing of the C library unmaps by one
 * pointer, but V8 has its own owner of memory, with whatever frees it: `v8::BackingStore`, whose destructor does.
 *
 * @returns takes that back.
 */
function unmapAtThreadEnd({ address, length }: Region): () => void {
  if (isMainThread) return () => {};
  try {
    backingStores ??= findBackingStores();
    const { create, destroy, munmap } = backingStores;
    // Taken back, some hundred bytes of it stay: only V8 could free them.
    const { store } = create(address, length, munmap, null);
    return atThreadEnd(destroy, store);
  } catch {
    // A Node that exports nothing to addons: the memory stays mapped until the process ends.
    return () => {};
  }
}

/** `v8::ArrayBuffer::NewBackingStore` and the destructor of `v8::BackingStore`. */
function findBackingStores(): BackingStores {
  const { array, load, struct } = koffi();
  const library = load(null);
  // Returned as every C++ object with a destructor is: in memory of the caller, as are C structures of this length.
  const owner = struct({ store: 'void *', unused: array('void *', 3) });
  const name = '_ZN2v811ArrayBuffer15NewBackingStoreEPvmPFvS1_mS1_ES1_';
  return {
    create: library.func(name, owner, ['void *', 'size_t', 'void *', 'void *']),
    destroy: library.symbol('_ZN2v812BackingStoreD1Ev'),
    munmap: library.symbol('munmap'),
  };
}
