import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFolder } from '@mmfbus/core/internal';
import { printable } from '@mmfbus/terminal';
import { programOf } from '../programs.js';
import type { Finding } from './finding.js';

/** Memory that a process uses and whose file is gone. */
interface Removed {
  readonly pid: number;
  /** Of the file that was. */
  readonly inode: string;
  /** The channel, as far as the process has opened it by its name. */
  readonly name: string | undefined;
}

/** Looks at the memory of all processes that this user may look at. On Linux alone. */
export function removedMemory(): readonly Removed[] {
  const folder = memoryFolder();
  if (folder === undefined || process.platform !== 'linux') return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const mapped = pids.flatMap((pid) => deletedOf(Number(pid), folder));
  // Looked at last: what was made meanwhile is there. A new file is mapped under another name than it is found by.
  const files = inodesIn(folder);
  return mapped.filter(({ inode }) => !files.has(inode));
}

function inodesIn(folder: string): ReadonlySet<string> {
  const inodes = readdirSync(folder).map(
    (name) => lstatSync(join(folder, name), { throwIfNoEntry: false })?.ino,
  );
  return new Set(inodes.map(String));
}

const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ \S+ (\d+)\s+(.*) \(deleted\)$/;

function deletedOf(pid: number, folder: string): readonly Removed[] {
  try {
    if (!isSameFolder(pid, folder)) return [];
    return readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, inode = '', path = ''] = MAPPING.exec(line) ?? [];
        if (!path.startsWith(`${folder}/mmfbus`)) return [];
        const name = /^mmfbus\.(?:\d+|g)\.(.+)$/.exec(path.slice(folder.length + 1))?.[1];
        return [{ pid, inode, name }];
      });
  } catch {
    // It has ended, or belongs to another user.
    return [];
  }
}

/** Whether the process has the same folder at that path. One in a container mostly has another. */
function isSameFolder(pid: number, folder: string): boolean {
  const [here, there] = [statSync(folder), statSync(join(`/proc/${pid}/root`, folder))];
  return here.dev === there.dev && here.ino === there.ino;
}

/** A channel that ends removes its file before it unmaps it: what both looks have seen is no such channel. */
export function checkRemoved(before: readonly Removed[], now: readonly Removed[]): readonly Finding[] {
  const lasting = now.filter(({ pid, inode }) =>
    before.some((one) => one.pid === pid && one.inode === inode),
  );
  return [...new Set(lasting.map(({ inode }) => inode))].map((inode) => {
    const users = lasting.filter((one) => one.inode === inode);
    const name = users.find((one) => one.name !== undefined)?.name;
    const pids = [...new Set(users.map(({ pid }) => pid))];
    const programs = pids.map((pid) => `process ${pid} (${programOf(pid)?.program ?? '?'})`).join(', ');
    return {
      level: 'problem',
      text: `the file of ${name === undefined ? 'a channel' : printable(name)} was removed while it is in use by ${programs}: programs that join now get another channel`,
      remedy: 'start these programs again; have nothing but mmfbus remove its files',
    };
  });
}
