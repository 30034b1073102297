import type { Flight } from './channel.js';

/** What a subscriber makes of the flights. */
export interface Summary {
  /** Takes one more flight. */
  add(flight: Flight): void;
  /** The outcome in lines of text. */
  report(): string;
}
