import { type Access, audienceOf } from '@mmfbus/core/internal';
import type { Scope } from '../format/scope.js';

/** Of a directory's segment; no channel's name holds a `~`. */
const DIRECTORY_NAME = 'mmfbus~directory';

/**
 * A directory: that of a scope, and in the scope `machine` that of the channels which let in the same users. A user who may write
 * a segment can do all of its participants harm: so no user needs to open one that lets in more users than the channel does.
 */
export interface DirectoryPlace {
  readonly scope: Scope;
  readonly name: string;
  /** Permissions of its segment, exactly. */
  readonly mode: number;
  readonly group: number | undefined;
}

/**
 * The directory of channels in that scope which let in the same users as that file.
 *
 * @param access undefined where no file backs the channels.
 * @throws `MmfError` `ACCESS_DENIED` where this user does not belong to them.
 */
export function directoryPlace(scope: Scope, access: Access | undefined): DirectoryPlace {
  if (scope === 'user' || access === undefined) {
    return { scope, name: DIRECTORY_NAME, mode: 0o600, group: undefined };
  }
  const audience = audienceOf(access);
  switch (audience.of) {
    case 'user':
      // The superuser has its own, also for a channel of another user, who could not open one that it made.
      return { scope, name: `${DIRECTORY_NAME}.u${process.geteuid?.() ?? 0}`, mode: 0o600, group: undefined };
    case 'group':
      return { scope, name: `${DIRECTORY_NAME}.g${audience.gid}`, mode: 0o660, group: audience.gid };
    case 'everyone':
      return { scope, name: DIRECTORY_NAME, mode: 0o666, group: undefined };
  }
}

/** Whether a channel of the directory's scope whose file lets those users in belongs to it. */
export function belongsTo({ scope, name }: DirectoryPlace, access: Access | undefined): boolean {
  try {
    return directoryPlace(scope, access).name === name;
  } catch {
    return false;
  }
}
