import type { ValidNamespace } from '@mmfbus/core';
import { Directory } from './directory.js';

/** A share in this thread's place in the directory of a namespace. */
export interface DirectoryLease {
  readonly directory: Directory;
  /** Gives the share back; the last one leaves the directory. A second call does nothing. */
  release(): void;
}

interface Shared {
  readonly opening: Promise<Directory>;
  /** Ends the opening when nobody waits for it any more. */
  readonly unwanted: AbortController;
  shares: number;
}

const open = new Map<ValidNamespace, Shared>();

function share(namespace: ValidNamespace, mode: number | undefined): Shared {
  const known = open.get(namespace);
  if (known !== undefined) return known;
  const unwanted = new AbortController();
  const shared: Shared = { opening: Directory.open(namespace, mode, unwanted.signal), unwanted, shares: 0 };
  open.set(namespace, shared);
  return shared;
}

/**
 * Takes a share in this thread's place in the directory, which the first share opens.
 *
 * @param mode POSIX permission bits when this call creates the directory. Defaults to 0o600.
 * @param signal gives up with its reason.
 * @throws {@link ChannelError} and `MmfError`, as joining a channel does.
 */
export async function leaseDirectory(
  namespace: ValidNamespace,
  mode: number | undefined,
  signal?: AbortSignal,
): Promise<DirectoryLease> {
  const shared = share(namespace, mode);
  shared.shares++;
  let directory: Directory | undefined;
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    shared.shares--;
    if (shared.shares > 0) return;
    open.delete(namespace);
    shared.unwanted.abort(signal?.reason);
    directory?.close();
  };
  signal?.addEventListener('abort', release, { once: true });
  try {
    directory = await shared.opening;
    signal?.throwIfAborted();
    return { directory, release };
  } catch (error) {
    release();
    throw error;
  } finally {
    signal?.removeEventListener('abort', release);
  }
}
