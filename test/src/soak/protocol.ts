import { join } from 'node:path';
import type { Position } from '@mmfbus/channel';
import type { ChannelPlan } from './channel-plan.js';
import type { LifePlan, Role } from './life-plan.js';

/** A role, and what is known only when it begins. */
export interface Assignment {
  readonly role: Role;
  /** A subscriber begins after that message. */
  readonly after: Position | undefined;
}

/** What a process of the soak is told to do. */
export type AgentOrder =
  | { readonly order: 'live'; readonly life: LifePlan; readonly assignments: readonly Assignment[] }
  | { readonly order: 'terminate' }
  | { readonly order: 'close' }
  | { readonly order: 'exit' };

/** What it tells. */
export type AgentReport =
  | { readonly report: 'ready' }
  | { readonly report: 'fault'; readonly role: number; readonly text: string };

/** What the auditor is told to do; it answers each with the same number. */
export type AuditorOrder =
  | { readonly number: number; readonly order: 'watch'; readonly channels: readonly ChannelPlan[] }
  | { readonly number: number; readonly order: 'admit'; readonly assignments: readonly Assignment[] }
  | { readonly number: number; readonly order: 'judge'; readonly ended: readonly Assignment[] }
  | { readonly number: number; readonly order: 'empty'; readonly channel: number }
  | { readonly number: number; readonly order: 'finish' };

/** What was found of a role that has ended. */
export interface Verdict {
  readonly role: number;
  readonly problems: readonly string[];
  /** Messages that a subscriber got, missed, and left out because they were begun before it joined. */
  readonly received: number;
  readonly missed: number;
  readonly before: number;
  /** Messages that a publisher knows it published. */
  readonly published: number;
  /** The last message that a subscriber got or missed; its number is 0 for none. */
  readonly last: Position;
  /** Slots and locks of the dead that it saw freed. */
  readonly slots: number;
  readonly locks: number;
}

/** What the auditor itself did so far. */
export interface AuditorCounts {
  readonly received: number;
  readonly slots: number;
  readonly locks: number;
}

/** What the auditor tells. */
export type AuditorReport =
  | {
      readonly report: 'answer';
      readonly number: number;
      readonly verdicts: readonly Verdict[];
      readonly problems: readonly string[];
    }
  | { readonly report: 'problem'; readonly text: string }
  | { readonly report: 'counts'; readonly counts: AuditorCounts };

/** Environment variable that names the folder for ledgers. */
export const LEDGERS_VARIABLE = 'MMFBUS_SOAK_LEDGERS';

/** Where the ledger of a role is. */
export function ledgerPath(role: number): string {
  return join(process.env[LEDGERS_VARIABLE] ?? '', String(role));
}
