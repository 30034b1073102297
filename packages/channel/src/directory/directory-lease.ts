import { unlessAborted } from '../foundation/deadline.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { describeLockHolder } from '../membership/lock-holder.js';
import { Directory } from './directory.js';
import type { DirectoryPlace } from './directory-place.js';

/** A share in this thread's seat in a directory. */
export interface DirectoryLease {
  readonly directory: Directory;
  /** Gives the share back; the last one leaves the directory. A second call does nothing. */
  release(): void;
}

/** This thread's seat in a directory, and who shares it. */
class DirectorySeat {
  shares = 0;
  readonly opening: Promise<Directory>;
  readonly #place: DirectoryPlace;
  readonly #unwanted = new AbortController();
  #memory: ChannelMemory | undefined;
  #directory: Directory | undefined;

  constructor(place: DirectoryPlace) {
    this.#place = place;
    this.opening = this.#open();
  }

  async #open(): Promise<Directory> {
    const { signal } = this.#unwanted;
    this.#directory = await Directory.open(this.#place, signal, (memory) => {
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
    seats.delete(keyOf(this.#place));
    this.#unwanted.abort();
    this.#directory?.close();
  }
}

const seats = new Map<string, DirectorySeat>();

function keyOf({ scope, name }: DirectoryPlace): string {
  return `${scope}/${name}`;
}

/**
 * Takes a share in this thread's seat in a directory, which the first share opens.
 *
 * @param signal gives up with its reason.
 * @throws {@link ChannelError} and `MmfError`, as joining a channel does.
 */
export async function leaseDirectory(place: DirectoryPlace, signal: AbortSignal): Promise<DirectoryLease> {
  const seat = seats.get(keyOf(place)) ?? new DirectorySeat(place);
  seats.set(keyOf(place), seat);
  seat.shares++;
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    seat.release();
  };
  try {
    return { directory: await unlessAborted(seat.opening, signal), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** What those wait for who open that directory, for an error. */
export function describeOpening(place: DirectoryPlace): string {
  return seats.get(keyOf(place))?.describeObstacle() ?? 'it is being opened';
}
