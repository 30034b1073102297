import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The cores that this process may use, as Linux writes them: `0-3,8`. */
function coresOf(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/**
 * Keeps this process to one core: the first one it may use, or the second. Where the scheduler puts two programs that sleep
 * is up to chance, and waking up another core takes twice as long as waking up the same one.
 *
 * Does nothing where there is but one core, and on systems other than Linux.
 */
export function keepTo(which: 0 | 1): void {
  const core = coreOf(which);
  if (core === undefined) return;
  const options = { encoding: 'utf8' } as const;
  const set = spawnSync('taskset', ['-a', '-c', '-p', `${core}`, `${process.pid}`], options);
  if (set.status === 0) return;
  const why = set.error?.message ?? set.stderr;
  throw new Error(`taskset, of the package util-linux, does not keep it to core ${core}: ${why}`);
}

/** Keeps a core busy, as another program does that computes, as long as this process is there, or until it is killed. */
export function keepBusy(which: 0 | 1): ChildProcess | undefined {
  const core = coreOf(which);
  if (core === undefined) return undefined;
  const code = 'const parent = process.ppid; while (process.ppid === parent);';
  return spawn('taskset', ['-c', `${core}`, process.execPath, '-e', code], { stdio: 'ignore' });
}

/** The number of a core of this process; undefined where it has but one, and on systems other than Linux. */
function coreOf(which: 0 | 1): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync('/proc/self/status', 'utf8');
  const cores = coresOf(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
  return cores.length < 2 ? undefined : cores[which];
}
