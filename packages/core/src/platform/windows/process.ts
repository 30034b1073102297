import type { ProcessIdentity } from '../platform.js';
import {
  ERROR_INVALID_PARAMETER,
  type Handle,
  isSignalled,
  kernel32,
  NO_HANDLE,
  PROCESS_QUERY_LIMITED_INFORMATION,
  SYNCHRONIZE,
} from './kernel32.js';

/** The only PID namespace that Windows has. */
const PID_NAMESPACE = 1n;

/** When the process was created, in FILETIME's 100 ns since 1601; 0 where unknown. */
function readStartTime(process: Handle): bigint {
  const creation = new BigUint64Array(1);
  const rest = new BigUint64Array(1);
  return kernel32().GetProcessTimes(process, creation, rest, rest, rest) === 0 ? 0n : (creation[0] ?? 0n);
}

let own: ProcessIdentity | undefined;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    startTime: readStartTime(kernel32().GetCurrentProcess()),
    pidNamespace: PID_NAMESPACE,
  };
  return own;
}

/**
 * A handle of the living process; close it. A dead process can be opened as long as any process has a handle of it, and its
 * pid is used again after that: so only the handle's state and the start time tell.
 */
export function openProcess({ pid, startTime, pidNamespace }: ProcessIdentity): Handle | 'dead' | 'unknown' {
  if (pid === 0 || pidNamespace !== PID_NAMESPACE) return 'unknown';
  const { OpenProcess, GetLastError, CloseHandle } = kernel32();
  const handle = OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, 0, pid);
  if (handle === NO_HANDLE) return GetLastError() === ERROR_INVALID_PARAMETER ? 'dead' : 'unknown';
  const actual = readStartTime(handle);
  const replaced = startTime !== 0n && actual !== 0n && actual !== startTime;
  if (!replaced && !isSignalled(handle)) return handle;
  CloseHandle(handle);
  return 'dead';
}
