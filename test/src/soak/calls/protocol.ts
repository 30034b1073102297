import type { DeathStep, Pause } from '../life-plan.js';

/** What one process of the soak of calls does. */
export interface CallLife {
  readonly index: number;
  /** Name of the service. */
  readonly service: string;
  /** Where it writes down what it does. */
  readonly ledger: string;
  /** Of everything that is decided at random. */
  readonly seed: number;
  /** Servers and clients in it. */
  readonly servers: number;
  readonly clients: number;
  /** Calls that each client has open at a time. */
  readonly open: number;
  /** Where it dies by its own hand, if it comes there before its end. */
  readonly death: DeathStep | undefined;
  /** How its servers end where it ends in good order. */
  readonly end: 'drain' | 'close';
}

/** What is done to it meanwhile. */
export interface CallPlan extends CallLife {
  /** Milliseconds until its end. */
  readonly length: number;
  /** Whether it is killed then, or leaves in good order. */
  readonly isKilled: boolean;
  readonly pauses: readonly Pause[];
}

/** What the process that gives the orders tells the others. */
export type CallOrder =
  | { readonly order: 'live'; readonly life: CallLife }
  | { readonly order: 'leave' }
  | { readonly order: 'exit' };

/** What they tell it. */
export type CallReport = { readonly report: 'ready' } | { readonly report: 'fault'; readonly text: string };
