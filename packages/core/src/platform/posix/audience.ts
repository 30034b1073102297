import { lstatSync, statSync } from 'node:fs';
import { MmfError } from '../../errors.js';
import type { Access, Audience, PortAddress } from '../platform.js';
import { isBellForbidden } from './fifo.js';
import { groupId, isMember } from './group.js';
import { directory, portPath } from './names.js';

/*
 * Who participates in a segment opens its file for reading and writing, rings the bells of the others and watches their life
 * lines. So a port lets in exactly those that the segment lets in: a class of users that may read and write the segment may write
 * to the bell and read the life line, and no other class may do anything.
 */

/** Permission bits of a new segment. */
export const DEFAULT_MODE = 0o600;
const PERMISSIONS = 0o777;
const SET_GROUP_ID = 0o2000;
const GROUP_TAKES_PART = 0o060;
const ALL_TAKE_PART = 0o066;

/** Whom a file lets in. */
export function accessOf({ uid, gid, mode }: Access): Access {
  return { uid, gid, mode: mode & PERMISSIONS };
}

/** See {@link Platform.accessOfNew}. */
export function accessOfNew(mode: number = DEFAULT_MODE, group?: number | string): Access {
  const uid = process.geteuid?.() ?? 0;
  return { uid, gid: group === undefined ? defaultGroup() : groupId(group), mode };
}

/** The group of a file that this process makes. */
function defaultGroup(): number {
  const folder = statSync(directory());
  // BSD always takes the group of the directory.
  const inherits = process.platform === 'darwin' || (folder.mode & SET_GROUP_ID) !== 0;
  return inherits ? folder.gid : (process.getegid?.() ?? 0);
}

/** See {@link Platform.audienceOf}. */
export function audienceOf(access: Access | undefined): Audience {
  const me = process.geteuid?.() ?? 0;
  if (access === undefined) return { of: 'user', uid: me };
  const { uid, gid, mode } = access;
  if ((mode & ALL_TAKE_PART) === ALL_TAKE_PART) return { of: 'everyone' };
  const shown = `it belongs to user ${uid} and group ${gid} and has the mode ${octal(mode)}`;
  if ((mode & GROUP_TAKES_PART) === GROUP_TAKES_PART) {
    if (me !== 0 && !isMember(gid)) {
      // Also its owner: it could open the memory, and neither ring the others nor be rung.
      throw new MmfError('ACCESS_DENIED', `${shown}, and user ${me} is no member of that group`);
    }
    return { of: 'group', gid };
  }
  if (me !== 0 && me !== uid) {
    throw new MmfError('ACCESS_DENIED', `${shown}, which lets in user ${uid} alone, not user ${me}`);
  }
  return { of: 'user', uid };
}

/** Whom the FIFOs of a port let in. */
export function portAccess(audience: Audience): {
  readonly bell: Partial<Access>;
  readonly life: Partial<Access>;
} {
  switch (audience.of) {
    case 'user':
      // The superuser's port for a segment of another user.
      return { bell: { uid: audience.uid, mode: 0o600 }, life: { uid: audience.uid, mode: 0o600 } };
    case 'group':
      return { bell: { gid: audience.gid, mode: 0o620 }, life: { gid: audience.gid, mode: 0o640 } };
    case 'everyone':
      return { bell: { mode: 0o622 }, life: { mode: 0o644 } };
  }
}

/** See {@link Platform.refusalOf}. */
export function refusalOf({ nonce }: PortAddress): string | undefined {
  const path = portPath(nonce, 'bell');
  if (!isBellForbidden(path)) return undefined;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return `its bell belongs to user ${stat.uid} and group ${stat.gid} and has the mode ${octal(stat.mode & PERMISSIONS)}`;
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}
