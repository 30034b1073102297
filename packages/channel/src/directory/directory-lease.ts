import type { Scope } from '../format/scope.js';
import { unlessAborted } from '../foundation/deadline.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { describeLockHolder } from '../membership/lock-holder.js';
import { Directory } from './directory.js';

/** A share in this thread's place in the directory of a scope. */
export interface DirectoryLease {
  readonly directory: Directory;
  /** Gives the share back; the last one leaves the directory. A second call does nothing. */
  release(): void;
}

/** This thread's place in a directory, and who shares it. */
class Place {
  shares = 0;
  readonly opening: Promise<Directory>;
  readonly #scope: Scope;
  readonly #unwanted = new AbortController();
  #memory: ChannelMemory | undefined;
  #directory: Directory | undefined;

  constructor(scope: Scope, mode: number | undefined) {
    this.#scope = scope;
    this.opening = this.#open(mode);
  }

  async #open(mode: number | undefined): Promise<Directory> {
    const { signal } = this.#unwanted;
    this.#directory = await Directory.open(this.#scope, mode, signal, (memory) => {
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
    places.delete(this.#scope);
    this.#unwanted.abort();
    this.#directory?.close();
  }
}

const places = new Map<Scope, Place>();

/**
 * Takes a share in this thread's place in the directory, which the first share opens.
 *
 * @param mode POSIX permission bits when this call creates the directory. Defaults to 0o600.
 * @param signal gives up with its reason.
 * @throws {@link ChannelError} and `MmfError`, as joining a channel does.
 */
export async function leaseDirectory(
  scope: Scope,
  mode: number | undefined,
  signal: AbortSignal,
): Promise<DirectoryLease> {
  const place = places.get(scope) ?? new Place(scope, mode);
  places.set(scope, place);
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

/** What those wait for who open the directory of that scope, for an error. */
export function describeOpening(scope: Scope): string {
  return places.get(scope)?.describeObstacle() ?? 'it is being opened';
}
