import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessIdentity } from '../platform.js';

/**
 * What `/proc/<pid>/stat` (proc(5)) says: field 3, whether it is a zombie that only waits to be collected, and field 22,
 * its start in clock ticks since boot. Undefined where that cannot be read.
 */
function readStat(pid: number | 'self'): { readonly ended: boolean; readonly startTime: bigint } | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 2 is the program's name in parentheses and may hold anything, so count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { ended: fields[0] === 'Z' || fields[0] === 'X', startTime: BigInt(fields[19] ?? 0) };
  } catch {
    return undefined;
  }
}

/** Which PID namespace this process lives in: its inode; 1 on systems that have only one; 0 where unknown. */
function ownPidNamespace(): bigint {
  if (process.platform !== 'linux') return 1n;
  try {
    return BigInt(/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? 0);
  } catch {
    return 0n;
  }
}

/** This process. */
export const ownIdentity: ProcessIdentity = {
  pid: process.pid,
  startTime: readStat('self')?.startTime ?? 0n,
  pidNamespace: ownPidNamespace(),
};

/**
 * Whether the process is proved gone: same PID namespace, and the pid is free or belongs to a process that started at
 * another time.
 */
export function isProvedGone({ pid, startTime, pidNamespace }: ProcessIdentity): boolean {
  if (pid === 0 || pidNamespace === 0n || pidNamespace !== ownIdentity.pidNamespace) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Anything but ESRCH, such as EPERM, comes from a process that is there.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const stat = readStat(pid);
  return stat !== undefined && (stat.ended || (startTime !== 0n && stat.startTime !== startTime));
}
