import { MmfError } from '../../errors.js';
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

/** How long another process may keep a name, milliseconds; filling a new segment takes far less. */
const LONGEST_WAIT = 2000;
/** A Worker can be terminated between slices only, milliseconds. */
const SLICE = 100;

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
export function holdName(objectName: string): NameHold {
  const { CreateMutexExW, ReleaseMutex, WaitForSingleObject, CloseHandle } = kernel32();
  const mutex = CreateMutexExW(null, mutexNameOf(objectName), 0, SYNCHRONIZE | MUTEX_MODIFY_STATE);
  if (mutex === NO_HANDLE) throw lastError('CreateMutexExW', `cannot open the mutex of ${objectName}`);
  try {
    for (let waited = 0; waited < LONGEST_WAIT; waited += SLICE) {
      const outcome = WaitForSingleObject(mutex, SLICE);
      if (outcome === WAIT_OBJECT_0 || outcome === WAIT_ABANDONED) {
        return {
          abandoned: outcome === WAIT_ABANDONED,
          release: () => {
            ReleaseMutex(mutex);
            CloseHandle(mutex);
          },
        };
      }
      if (outcome !== WAIT_TIMEOUT) throw lastError('WaitForSingleObject', `cannot wait for ${objectName}`);
    }
    throw new MmfError(
      'BUSY',
      `${objectName} is being created by another process; gave up after ${LONGEST_WAIT} ms`,
    );
  } catch (error) {
    CloseHandle(mutex);
    throw error;
  }
}
