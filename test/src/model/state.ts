import type { Contents } from './contents.js';
import type { Operation, Result, Value } from './operations.js';

/** What was found to be wrong. */
export interface Violation {
  /** Of an invariant, or `no unexpected error`. */
  readonly label: string;
  readonly text: string;
}

/** A process after some results: everything it knows follows from them. */
export interface Local {
  readonly id: number;
  readonly parent: Local | undefined;
  readonly result: Result | undefined;
  readonly children: Map<Result, Local>;
  /** What it does next; undefined until it was run that far. */
  operation: Operation | undefined;
  notes: readonly string[];
  /** Another one that knows the same and goes on in its place. */
  same: Local | undefined;
}

/** Everything at one moment. */
export interface State {
  readonly contents: Contents;
  readonly locals: readonly Local[];
  /** A bit for each process that is dead. */
  readonly dead: number;
  /** A bit for each process whose bell rings. */
  readonly rung: number;
  /** A bit for each process unless nothing has changed since its event loop got its last event. */
  readonly news: number;
  /** Timers, each as `process.id;`, whose firing would find all as it was when they were set: they do not fire. */
  readonly stale: string;
  /** A character for each port. */
  readonly ports: string;
  /** Who really holds the publisher lock; -1 for none. */
  readonly holder: number;
  /** The values of the messages that were committed. */
  readonly committed: readonly Value[];
  /** Who is in the middle of something; -1 for none, or where interruptions are not counted. */
  readonly running: number;
  readonly interruptions: number;
  readonly violation: Violation | undefined;
}

export type Draft = {
  -readonly [Name in keyof State]: State[Name] extends readonly Local[] ? Local[] : State[Name];
};

/** One thing that happened in a step, for a trace. */
export interface Happening {
  readonly operation: Operation;
  readonly result: Result;
  readonly before: Local;
}

/** A choice of `World.choices`: who goes on, and how. */
export interface Choice {
  readonly process: number;
  /** `run`, `kill`, or the event that its event loop gets. */
  readonly what: string;
}
