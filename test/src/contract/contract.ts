import type { Kit } from './kit.js';

/** Options that a call may take. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

/** A call that waits for something, and all that may happen to it. */
export interface Scene {
  /** Makes the call. Whatever it throws at once counts as a rejection. */
  call(options?: CallOptions): unknown;
  /** Lets calls settle in good order. Without it they do so by themselves. */
  release?(): unknown;
  /** Closes what the call belongs to. */
  close?(): unknown;
  /** Drains what the call belongs to. */
  drain?(): unknown;
  /** Removes the listener that the call lives by. */
  removeListener?(): unknown;
  /** Has something happen inside a handler, and comes back with it when the handler has returned. */
  inside?(action: () => unknown): unknown;
  /** Cancels an iteration. */
  cancel?(): unknown;
}

/** What may happen to a call, in the order of the table. */
export const situations = [
  'called after close',
  'closed while it waits',
  'called after drain',
  'drained while it waits',
  'aborted',
  'aborted before',
  'timed out',
  'cancelled',
  'its listener is removed',
  'called twice',
  'called inside a handler',
  'called re-entrantly',
  'its callback throws',
  'the peer dies',
  'the peer is stopped',
  'without descriptors',
  'without space',
] as const;

export type Situation = (typeof situations)[number];

/** A cell of the table: what must come out, and how it is played; or why there is nothing to play. */
export type Cell = Applicable | { readonly never: string };

export interface Applicable {
  /** The outcome, in words of {@link outcomeOf}. */
  readonly comes: string | RegExp;
  /** How it is played where that is not what the situation says. */
  readonly play?: Play;
}

export type Play = (kit: Kit) => unknown;

/** Something exported that waits, iterates or calls back. */
export interface Subject {
  /** As `Publisher#drain` of the entry point `channel`: `channel.Publisher#drain`. */
  readonly name: string;
  /** Sets up a call that waits for something in this process. */
  readonly scene?: (kit: Kit) => Promise<Scene>;
  /** Sets up a call that waits for a peer: it has been killed, or stopped, where it matters most. */
  readonly peerScene?: (kit: Kit, end: 'killed' | 'stopped') => Promise<Scene>;
  readonly cells: Readonly<Record<Situation, Cell>>;
}

export function comes(outcome: string | RegExp, play?: Play): Applicable {
  return play === undefined ? { comes: outcome } : { comes: outcome, play };
}

export function never(reason: string): Cell {
  return { never: reason };
}

/** Cells that do not apply, all for the same reason. */
export function neverOf<S extends Situation>(reason: string, ...which: readonly S[]): Record<S, Cell> {
  return Object.fromEntries(which.map((situation) => [situation, never(reason)])) as Record<S, Cell>;
}

/** The reason of every signal that is aborted. */
export const REASON: Error = new Error('the reason of the signal');
/** What callbacks throw. */
export const THROWN: Error = new Error('thrown by the callback');

/**
 * How a call came out, in a word: `settles`, what it gave where that is a text or a number, `done` and `value …` for
 * steps of iterations; else the code of its error, `reason`, `thrown`, or `raw …` for an error that no package of ours
 * has made.
 */
export async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    return describe(await call());
  } catch (error) {
    return describeError(error);
  }
}

/** As {@link outcomeOf}, of what gives its outcome at once. */
export function outcomeNow(call: () => unknown): string {
  try {
    return describe(call());
  } catch (error) {
    return describeError(error);
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null || !('done' in value)) return 'settles';
  const step = value as IteratorResult<unknown>;
  return step.done === true ? 'done' : `value ${nameOf(step.value)}`;
}

function nameOf(value: unknown): string {
  const { value: message, type } = value as { readonly value?: unknown; readonly type?: string };
  return type ?? String(message ?? value);
}

/** An error, in a word. */
export function describeError(error: unknown): string {
  if (error === REASON) return 'reason';
  if (error === THROWN) return 'thrown';
  if (!(error instanceof Error)) return `raw ${String(error)}`;
  const isOurs = ['ChannelError', 'MmfError', 'ServiceError'].includes(error.name);
  return isOurs ? (error as Error & { code: string }).code : `raw ${error.name}: ${error.message}`;
}
