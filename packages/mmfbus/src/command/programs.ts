import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { printable } from '@mmfbus/terminal';

/** Characters of a command line that are shown. */
const SHOWN = 60;

/** What the operating system says of a process; undefined where it does not, as outside Linux. */
export interface ProgramState {
  /** The letter of proc(5): `T` is stopped. */
  readonly state: string;
  /** Its command line in short. */
  readonly program: string;
}

/** Looks at a process of this PID namespace. */
export function programOf(pid: number): ProgramState | undefined {
  if (process.platform !== 'linux' || pid <= 0) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    // Field 2 is the program's name in parentheses and may hold anything.
    const [state = '?'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, program: inShort(words, pid) };
  } catch {
    return undefined;
  }
}

function inShort(words: readonly string[], pid: number): string {
  const [first = '', ...rest] = words.length > 0 ? words : [nameOf(pid)];
  const text = printable([basename(first), ...rest].join(' '));
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text;
}

function nameOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}
