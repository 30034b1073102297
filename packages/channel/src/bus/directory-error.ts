import { channel } from 'node:diagnostics_channel';
import type { ValidNamespace } from '@mmfbus/core';

/** What is published to the `diagnostics_channel` of the name `mmfbus:directory-error`. */
export interface DirectoryError {
  readonly namespace: ValidNamespace;
  /** The channel that could not be listed, looked at or taken off the list; undefined when it is about all of them. */
  readonly channel: string | undefined;
  readonly error: unknown;
}

const errors = channel('mmfbus:directory-error');

/** Tells of what went wrong with the directory. Channels go on without it. */
export function reportDirectoryError(
  namespace: ValidNamespace,
  name: string | undefined,
  error: unknown,
): void {
  if (!errors.hasSubscribers) return;
  const message: DirectoryError = { namespace, channel: name, error };
  errors.publish(message);
}
