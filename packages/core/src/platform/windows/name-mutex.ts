import { MmfError } from '../../errors.js';
import type { Opening } from '../platform.js';
import {
  kernel32,
  lastError,
  MUTEX_MODIFY_STATE,
  NO_HANDLE,
  SYNCHRONIZE,
  WAIT_ABANDONED,
  WAIT_OBJECT_0,
  WAIT_TIMEOUT,
} from './kernel32.js';
import { mutexNameOf } from './names.js';

/** How long to wait before looking again while another process keeps a name, milliseconds. */
const RETRY = 1;

/** What this thread holds: it could take a mutex that it has a second time. */
const ours = new Set<string>();

/** The right to create, open or fill the mapping of one name. */
export interface NameHold {
  /** Whether the last one to have it died with it. */
  readonly abandoned: boolean;
  release(): void;
}

/**
 * Waits for the right to a name.
 *
 * @throws {@link MmfError} `BUSY` when another process keeps it; `ACCESS_DENIED` when the mutex is another user's.
 */
export function* holdName(objectName: string): Opening<NameHold> {
  const { CreateMutexExW, ReleaseMutex, WaitForSingleObject, CloseHandle } = kernel32();
  const mutex = CreateMutexExW(null, mutexNameOf(objectName), 0, SYNCHRONIZE | MUTEX_MODIFY_STATE);
  if (mutex === NO_HANDLE) throw lastError('CreateMutexExW', `cannot open the mutex of ${objectName}`);
  let isHeld = false;
  try {
    for (let last = false; ; last = yield RETRY) {
      const outcome = ours.has(objectName) ? WAIT_TIMEOUT : WaitForSingleObject(mutex, 0);
      if (outcome === WAIT_OBJECT_0 || outcome === WAIT_ABANDONED) {
        isHeld = true;
        ours.add(objectName);
        return {
          abandoned: outcome === WAIT_ABANDONED,
          release: () => {
            ours.delete(objectName);
            ReleaseMutex(mutex);
            CloseHandle(mutex);
          },
        };
      }
      if (outcome !== WAIT_TIMEOUT) throw lastError('WaitForSingleObject', `cannot wait for ${objectName}`);
      if (last) {
        throw new MmfError('BUSY', `${objectName} was being created by other processes for too long`);
      }
    }
  } finally {
    if (!isHeld) CloseHandle(mutex);
  }
}
