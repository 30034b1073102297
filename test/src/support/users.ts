import { spawnSync } from 'node:child_process';
import { workspaceRoot } from './workspace.js';

/** A user that exists only by its number. */
export interface User {
  readonly uid: number;
  /** Its own group. */
  readonly gid: number;
  /** Starts a command as that user; see `StartOptions.within`. */
  readonly within: readonly string[];
}

/** A group that {@link users} are members of, by its number. */
export const SHARED_GROUP = 61_000;

function user(uid: number, groups: readonly number[]): User {
  const identity = [`--reuid=${uid}`, `--regid=${uid}`, `--groups=${[uid, ...groups].join(',')}`];
  return { uid, gid: uid, within: ['setpriv', ...identity, '--'] };
}

/** Two members of {@link SHARED_GROUP}, and a user that is not a member. */
export const users: Readonly<Record<'ann' | 'ben' | 'eve', User>> = {
  ann: user(61_001, [SHARED_GROUP]),
  ben: user(61_002, [SHARED_GROUP]),
  eve: user(61_003, []),
};

/** Whether processes can be started as these users, and may read this project: the superuser of Linux can, with setpriv. */
export function canBeOthers(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const [file = '', ...args] = users.eve.within;
  return spawnSync(file, [...args, process.execPath, '--version'], { cwd: workspaceRoot }).status === 0;
}
