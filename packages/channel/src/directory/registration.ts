import { type Access, timers } from '@mmfbus/core/internal';
import type { ChannelDefinition } from '../format/definition.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { reportDirectoryFailure } from './directory-failure.js';
import { type DirectoryLease, leaseDirectory } from './directory-lease.js';
import { directoryPlace } from './directory-place.js';

/** How long joining or leaving a channel waits for the directory at most, milliseconds; the rest is done behind its back. */
const LONGEST_WAIT_MS = 100;

/** Waits until the promise is settled, but not for long. */
async function briefly(promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = timers.setTimeout(resolve, LONGEST_WAIT_MS);
  });
  await Promise.race([promise, timeout]);
  timers.clearTimeout(timer);
}

/**
 * Keeps a channel in the directory while this thread has a participant of it. Failures of the
 * directory is reported, and is nothing to the channel.
 */
export class Registration {
  readonly #definition: ChannelDefinition<unknown>;
  readonly #ending = new AbortController();
  readonly #leasing: Promise<void>;
  #lease: DirectoryLease | undefined;
  #entered = false;

  /**
   * Opens the directory, where this thread does not have it open yet, and has leaving the channel tell it. To be called before
   * the channel is joined: when the process ends, what was opened last is closed first, and leaving a channel needs the
   * directory.
   */
  static async begin(definition: ChannelDefinition<unknown>, memory: ChannelMemory): Promise<Registration> {
    const registration = new Registration(definition, memory);
    memory.afterClose = (last) => registration.end(last);
    await briefly(registration.#leasing);
    return registration;
  }

  private constructor(definition: ChannelDefinition<unknown>, { access }: ChannelMemory) {
    this.#definition = definition;
    this.#leasing = this.#takeLease(access);
  }

  /** Lists the channel, after the participant has joined it. */
  async enter(): Promise<void> {
    this.#entered = true;
    await briefly(this.#enter());
  }

  /** After the participant has left, or failed to join. At once, unless another participant holds the lock of the directory. */
  async end(last: boolean): Promise<void> {
    this.#ending.abort();
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#lease = undefined;
    try {
      if (!this.#entered || lease.directory.tryLeave(this.#definition.name, last)) lease.release();
      else await briefly(this.#leaveLater(lease, last));
    } catch (error) {
      lease.release();
      this.#report(error);
    }
  }

  async #takeLease(access: Access | undefined): Promise<void> {
    const { signal } = this.#ending;
    try {
      this.#lease = await leaseDirectory(directoryPlace(this.#definition.scope, access), signal);
    } catch (error) {
      if (!signal.aborted) this.#report(error);
    }
  }

  async #enter(): Promise<void> {
    await this.#leasing;
    const { signal } = this.#ending;
    try {
      await this.#lease?.directory.enter(this.#definition.name, signal);
    } catch (error) {
      if (!signal.aborted) this.#report(error);
    }
  }

  async #leaveLater(lease: DirectoryLease, last: boolean): Promise<void> {
    try {
      await lease.directory.leave(this.#definition.name, last);
    } catch (error) {
      this.#report(error);
    } finally {
      lease.release();
    }
  }

  #report(error: unknown): void {
    reportDirectoryFailure(this.#definition.scope, this.#definition.name, error);
  }
}
