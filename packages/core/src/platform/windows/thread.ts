import type { PortAddress } from '../platform.js';
import {
  ERROR_INVALID_PARAMETER,
  type Handle,
  isSignalled,
  kernel32,
  NO_HANDLE,
  SYNCHRONIZE,
  THREAD_QUERY_LIMITED_INFORMATION,
} from './kernel32.js';

/** Who a thread is, so that a reused thread id is not taken for it. */
type ThreadIdentity = Pick<PortAddress, 'threadId' | 'threadStartTime'>;

/** When the thread was created, in FILETIME's 100 ns since 1601; 0 where unknown. */
function readStartTime(thread: Handle): bigint {
  const creation = new BigUint64Array(1);
  const rest = new BigUint64Array(1);
  return kernel32().GetThreadTimes(thread, creation, rest, rest, rest) === 0 ? 0n : (creation[0] ?? 0n);
}

/** The thread that runs this module's copy: the main thread, or a Worker. */
export function ownThread(): ThreadIdentity {
  const { GetCurrentThread, GetCurrentThreadId } = kernel32();
  return { threadId: GetCurrentThreadId(), threadStartTime: readStartTime(GetCurrentThread()) };
}

/**
 * A handle of the living thread; close it. Ids of dead threads are used again, in other processes too: so its state, its
 * process and its start time tell.
 */
export function openThread({ pid, threadId, threadStartTime }: PortAddress): Handle | 'dead' | 'unknown' {
  if (pid === 0 || threadId === 0) return 'unknown';
  const { OpenThread, GetProcessIdOfThread, GetLastError, CloseHandle } = kernel32();
  const handle = OpenThread(SYNCHRONIZE | THREAD_QUERY_LIMITED_INFORMATION, 0, threadId);
  if (handle === NO_HANDLE) return GetLastError() === ERROR_INVALID_PARAMETER ? 'dead' : 'unknown';
  const actualPid = GetProcessIdOfThread(handle);
  const actualTime = readStartTime(handle);
  const replaced =
    (actualPid !== 0 && actualPid !== pid) ||
    (threadStartTime !== 0n && actualTime !== 0n && actualTime !== threadStartTime);
  if (!replaced && !isSignalled(handle)) return handle;
  CloseHandle(handle);
  return 'dead';
}
