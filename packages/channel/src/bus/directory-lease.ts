import type { ValidNamespace } from '@mmfbus/core';
import type { ChannelMemory } from '../channel-memory.js';
import { unlessAborted } from '../deadline.js';
import { describeLockHolder } from '../participants/lock-holder.js';
import { Directory } from './directory.js';

/** A share in this thread's place in the directory of a namespace. */
export interface DirectoryLease {
  readonly directory: Directory;
  /** Gives the share back; the last one leaves the directory. A second call does nothing. */
  release(): void;
}

/** This thread's place in a directory, and who shares it. */
class Place {
  shares = 0;
  readonly opening: Promise<Directory>;
  readonly #namespace: ValidNamespace;
  readonly #unwanted = new AbortController();
  #memory: ChannelMemory | undefined;
  #directory: Directory | undefined;

  constructor(namespace: ValidNamespace, mode: number | undefined) {
    this.#namespace = namespace;
    this.opening = this.#open(mode);
  }

  async #open(mode: number | undefined): Promise<Directory> {
    const { signal } = this.#unwanted;
    this.#directory = await Directory.open(this.#namespace, mode, signal, (memory) => {
      this.#memory = memory;
    });
    // It may have been given back in this very moment.
    if (signal.aborted) this.#directory.close();
    signal.throwIfAborted();
    return this.#directory;
  }

  /** What the opening waits for. */
  describeObstacle(): string {
    return this.#memory === undefined ? 'it is being opened' : describeLockHolder(this.#memory);
  }

  /** Gives a share back; after the last one it is opened anew for the next. */
  release(): void {
    if (--this.shares > 0) return;
    places.delete(this.#namespace);
    this.#unwanted.abort();
    this.#directory?.close();
  }
}

const places = new Map<ValidNamespace, Place>();

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
  signal: AbortSignal,
): Promise<DirectoryLease> {
  const place = places.get(namespace) ?? new Place(namespace, mode);
  places.set(namespace, place);
  place.shares++;
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    place.release();
  };
  try {
    return { directory: await unlessAborted(place.opening, signal), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** What those wait for who open the directory of that namespace, for an error. */
export function describeOpening(namespace: ValidNamespace): string {
  return places.get(namespace)?.describeObstacle() ?? 'it is being opened';
}
