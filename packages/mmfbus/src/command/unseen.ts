import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { DirectoryFailure } from '@mmfbus/channel';

const CHANNEL = 'mmfbus:directory-error';

/** Notes which channels cannot be looked at, from now on: lists leave them out. */
export class Unseen {
  readonly #reasons = new Map<string, string>();
  readonly #listener = (message: unknown): void => {
    const { channel, error } = message as DirectoryFailure;
    if (channel === undefined) return;
    this.#reasons.set(channel, error instanceof Error ? error.message : String(error));
  };

  constructor() {
    subscribe(CHANNEL, this.#listener);
  }

  /** Ends it. @returns a line for each such channel. */
  end(): readonly string[] {
    unsubscribe(CHANNEL, this.#listener);
    return [...this.#reasons].map(([name, reason]) => {
      const why = reason.startsWith(`${name}: `) ? reason.slice(name.length + 2) : reason;
      return `${name} cannot be looked at: ${why}; mmfbus doctor says what to do`;
    });
  }
}
