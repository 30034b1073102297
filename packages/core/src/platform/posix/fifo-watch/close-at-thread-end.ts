import { isMainThread } from 'node:worker_threads';
import { osError } from '../../../os-error.js';
import { runtime } from '../../../runtime.js';
import { koffi } from '../../koffi.js';

/** Of `<pthread.h>`. */
interface ThreadKeys {
  create(key: BigUint64Array, destructor: unknown): number;
  set(key: bigint, value: number): number;
  delete(key: bigint): void;
  readonly close: unknown;
}

let keys: ThreadKeys | undefined;

function bindKeys(): ThreadKeys {
  const library = koffi().load(null);
  return {
    create: library.func('int pthread_key_create(void *key, void *destructor)'),
    set: library.func('int pthread_setspecific(uint64_t key, uint64_t value)'),
    delete: library.func('int pthread_key_delete(uint64_t key)'),
    close: library.symbol('close'),
  };
}

/**
 * Has a descriptor closed when this thread ends, also when it is terminated. Node does that for its sockets. Deno leaves them
 * open, but the C library passes a thread's own values to their destructors, and `close` can be one.
 *
 * @returns takes it back, before the descriptor is closed; a second call does nothing.
 * @throws {@link MmfError} `OS_ERROR` where the process has no key left. A Worker of Deno that is terminated keeps one, of 1024
 * on Linux, until its process ends.
 */
export function closeAtThreadEnd(fd: number): () => void {
  if (runtime !== 'deno' || isMainThread) return () => {};
  keys ??= bindKeys();
  // `pthread_key_t` has 32 bits on Linux, 64 on macOS.
  const made = new BigUint64Array(1);
  const createError = keys.create(made, keys.close);
  if (createError !== 0)
    throw osError('pthread_key_create', createError, 'cannot follow the end of a Worker');
  const [key = 0n] = made;
  let isMade = true;
  const forget = () => {
    // Another thread may have got the same key by now.
    if (isMade) keys?.delete(key);
    isMade = false;
  };
  const setError = keys.set(key, fd);
  if (setError === 0) return forget;
  forget();
  throw osError('pthread_setspecific', setError, 'cannot follow the end of a Worker');
}
