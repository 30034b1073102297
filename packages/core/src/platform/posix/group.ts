import { fchownSync, fstatSync } from 'node:fs';
import { MmfError } from '../../errors.js';
import { errnoName, fromFsError } from '../../os-error.js';
import type { Access } from '../platform.js';
import { findGroup } from './libc.js';

/**
 * The id of a group.
 *
 * @throws {@link MmfError} `INVALID_ARGUMENT` where there is no group of that name.
 */
export function groupId(group: number | string): number {
  if (typeof group === 'number') return group;
  const gid = findGroup(group);
  if (gid !== undefined) return gid;
  throw new MmfError('INVALID_ARGUMENT', `there is no group ${JSON.stringify(group)} on this system`);
}

/** Gives a new file to a group, which the superuser and members of the group may. */
export function giveToGroup(fd: number, gid: number, path: string): void {
  giveTo(fd, { gid }, path);
}

/** Gives a new file to that user and that group, where it is not theirs yet. */
export function giveTo(fd: number, { uid, gid }: Partial<Access>, path: string): void {
  const now = fstatSync(fd);
  if ((uid ?? now.uid) === now.uid && (gid ?? now.gid) === now.gid) return;
  try {
    fchownSync(fd, uid ?? now.uid, gid ?? now.gid);
  } catch (error) {
    if (errnoName(error) !== 'EPERM') throw error;
    const whom = uid !== undefined && uid !== now.uid ? `user ${uid}` : `group ${gid}`;
    throw fromFsError(error, `${path} cannot be given to ${whom} by user ${now.uid}${memberNote(gid)}`);
  }
}

function memberNote(gid: number | undefined): string {
  return gid === undefined || isMember(gid) ? '' : ', who is no member of it';
}

/** Whether this process is of that group, as the kernel sees it. */
export function isMember(gid: number): boolean {
  return process.getegid?.() === gid || (process.getgroups?.() ?? []).includes(gid);
}
