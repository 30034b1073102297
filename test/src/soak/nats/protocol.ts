import { bytes, struct, u32 } from '@mmfbus/codec';
import type { Route } from '@mmfbus/nats';

/** What is published: the life that did it, which of its messages that is, from 1, and bytes that follow from both. */
export const messageSchema = struct({ life: u32(), number: u32(), body: bytes() });

/** Bytes of a body that the stream does not take. */
const TOO_LARGE = 2000;
/** Of so many messages of a life one is too large. */
const LARGE_EVERY = 997;
const LONGEST = 300;

export function bodyOf(life: number, number: number): Uint8Array {
  const mixed = Math.imul(life, 0x9e3779b1) + Math.imul(number, 0x85ebca6b);
  const length = number % LARGE_EVERY === 0 ? TOO_LARGE : (mixed >>> 8) % LONGEST;
  return new Uint8Array(length).fill(mixed);
}

/** What a process is. */
export type NatsJob =
  | { readonly role: 'publisher'; readonly channel: string; readonly life: number; readonly seed: number }
  | { readonly role: 'subscriber'; readonly channel: string }
  | {
      readonly role: 'witness';
      readonly channel: string;
      readonly capacity: number;
      /** Where it writes what it sees. */
      readonly ledger: string;
    }
  | {
      readonly role: 'bridge';
      readonly url: string;
      readonly host: string;
      readonly routes: readonly Route[];
      readonly folder: string;
      /** Where it writes which messages are missing. */
      readonly told: string;
    };

/** What a process is told. */
export type NatsOrder =
  | { readonly order: 'live'; readonly job: NatsJob }
  | { readonly order: 'publish last' }
  /** A bridge is to tell what it did. */
  | { readonly order: 'describe' }
  | { readonly order: 'leave' };

/** What a process tells. */
export type NatsReport =
  | { readonly report: 'ready' }
  | { readonly report: 'joined'; readonly incarnation: string }
  /** A witness has the last message of all. */
  | { readonly report: 'last' }
  | { readonly report: 'trouble'; readonly text: string }
  | { readonly report: 'state'; readonly text: string }
  | { readonly report: 'fault'; readonly text: string };

/** The life that publishes the last message of all. */
export const LAST_LIFE = 0;

/** A line of what a bridge tells: a gap of an import. */
export interface ToldGap {
  readonly channel: string;
  readonly incarnation: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly reason: string;
}
