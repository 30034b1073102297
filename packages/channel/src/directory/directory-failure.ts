import { channel } from 'node:diagnostics_channel';
import type { Scope } from '../format/scope.js';

/** What is published to the `diagnostics_channel` of the name `mmfbus:directory-error`. */
export interface DirectoryFailure {
  readonly scope: Scope;
  /** The channel that could not be listed, looked at or taken off the list; undefined when it is about all of them. */
  readonly channel: string | undefined;
  readonly error: unknown;
}

const errors = channel('mmfbus:directory-error');

/** Tells of what went wrong with the directory. Channels go on without it. */
export function reportDirectoryFailure(scope: Scope, name: string | undefined, error: unknown): void {
  if (!errors.hasSubscribers) return;
  const message: DirectoryFailure = { scope, channel: name, error };
  errors.publish(message);
}
