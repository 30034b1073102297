import type { CallRecord } from './ledger.js';

/** What happened beside the call. */
export interface Circumstances {
  /** Whether its caller was killed, or left in good order. */
  readonly wasCallerKilled: boolean;
  /** Whether processes were stopped for a while: with a lock, for example. */
  readonly werePauses: boolean;
}

/** A call runs on three servers at most: it outlives two deaths. */
const MOST_RUNS = 3;

/** Codes that need nothing but that servers come and go. */
const COMING_AND_GOING = ['NO_SERVER', 'SERVER_DIED', 'BUSY'];
/** Codes that need a process which was stopped. */
const STOPPED = ['UNREACHABLE', 'MAILBOX_LOST'];

/** @returns what is wrong with what became of a call; undefined where nothing is. */
export function problemOf(record: CallRecord, circumstances: Circumstances): string | undefined {
  const { method, outcome, outcomes, runs } = record;
  if (method === undefined) return `it ran ${runs} times and was never made`;
  if (outcomes > 1) return `it has ${outcomes} outcomes`;
  const most = method === 'again' ? MOST_RUNS : 1;
  if (runs > most) return `it ran ${runs} times`;
  if (outcome === undefined) return circumstances.wasCallerKilled ? undefined : 'it has no outcome';
  if (outcome === 'ok') return runs === 0 && method !== 'tell' ? 'it was answered and never ran' : undefined;
  const [code = '', started = ''] = outcome.split(' ');
  if (started !== 'false' && started !== 'maybe') return `it ended with ${outcome}`;
  if (!hasReason(code, record, circumstances)) return `it ended with ${outcome} without a reason`;
  if (started === 'false' && runs > 0) return `it ended with ${outcome}, and ran ${runs} times`;
  return undefined;
}

function hasReason(code: string, { limit, runs }: CallRecord, circumstances: Circumstances): boolean {
  if (code === 'TIMEOUT') return limit === 'time';
  if (code === 'CANCELLED') return limit === 'signal';
  // Its handler said so.
  if (code === 'FAILED') return runs > 0;
  // Clients that close while calls are under way are told to leave.
  if (code === 'CLOSED') return true;
  return COMING_AND_GOING.includes(code) || (circumstances.werePauses && STOPPED.includes(code));
}
