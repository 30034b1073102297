import { spawnSync } from 'node:child_process';
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
  if (process.platform !== 'linux') return;
  const status = readFileSync('/proc/self/status', 'utf8');
  const cores = coresOf(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
  const core = cores[which];
  if (core === undefined || cores.length < 2) return;
  const options = { encoding: 'utf8' } as const;
  const set = spawnSync('taskset', ['-a', '-c', '-p', `${core}`, `${process.pid}`], options);
  if (set.status === 0) return;
  const why = set.error?.message ?? set.stderr;
  throw new Error(`taskset, of the package util-linux, does not keep it to core ${core}: ${why}`);
}
