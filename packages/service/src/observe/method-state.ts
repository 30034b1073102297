import { type ChannelMemory, callLayout, readLong } from '@mmfbus/channel/internal';
import { copyOut } from '@mmfbus/core/internal';
import type { ServiceContract } from '../contract/service-contract.js';
import { recentCallsAt, statisticsAt } from '../wire/statistics.js';

const {
  CALLER_OFFSET,
  CANCELLED_OFFSET,
  ENDED_OFFSET,
  FAILED_OFFSET,
  LONGEST_OFFSET,
  METHOD_HASH_OFFSET,
  METHOD_LENGTH,
  METHOD_STARTED_OFFSET,
  METHODS,
  NUMBER_OFFSET,
  OUTCOME_ANSWERED,
  OUTCOME_CANCELLED,
  OUTCOME_FAILED,
  OUTCOME_OFFSET,
  RECENT_CALLS,
  RECENT_LENGTH,
  RECENT_METHOD_OFFSET,
  RECENT_STARTED_OFFSET,
  RUNNING_OFFSET,
  TIME_BUCKETS,
  TIME_OFFSET,
  TIME_UNIT_BITS,
  TIMES_OFFSET,
} = callLayout;

/** What a server did for one of its methods. Times are nanoseconds. */
export interface MethodState {
  /** Its name; its hash in hexadecimal where the contract does not have it. */
  readonly name: string;
  /** Calls whose handlers run now. */
  readonly running: number;
  /** Calls whose handlers have ended. */
  readonly served: number;
  /** Of these, those that an error has ended. */
  readonly failed: number;
  /** Of these, those that ended after they were cancelled. */
  readonly cancelled: number;
  /** How long all handlers took that have ended. */
  readonly time: number;
  /** How long the slowest of them took. */
  readonly longest: number;
  /** The calls that have ended by how long they took, for {@link quantile}. */
  readonly times: readonly number[];
}

/** One of the last calls of a server. */
export interface ObservedCall {
  /** Its number among the calls of the server, from 1 on, modulo 2^32. */
  readonly number: number;
  /** Name of its method. */
  readonly method: string;
  /** Id of the caller's process. */
  readonly caller: number;
  /** When its handler was started, nanoseconds of the monotonic clock. */
  readonly started: number;
  /** When it ended; undefined while it runs. */
  readonly ended: number | undefined;
  readonly outcome: 'running' | 'answered' | 'failed' | 'cancelled';
}

const OUTCOMES: Readonly<Record<number, ObservedCall['outcome']>> = {
  [OUTCOME_ANSWERED]: 'answered',
  [OUTCOME_FAILED]: 'failed',
  [OUTCOME_CANCELLED]: 'cancelled',
};

/** Reads the counters of an inbox's methods, from a private copy. */
export function readMethods(memory: ChannelMemory, contract: ServiceContract | undefined): MethodState[] {
  const words = copyWords(memory, statisticsAt(memory), METHODS * METHOD_LENGTH);
  const methods: MethodState[] = [];
  for (let word = 0; methods.length < METHODS; word += METHOD_LENGTH >> 2) {
    const hash = unsigned(words, word + (METHOD_HASH_OFFSET >> 2));
    if (hash === 0) break;
    const long = (offset: number) => readLong(words, word + (offset >> 2));
    const running = unsigned(words, word + (RUNNING_OFFSET >> 2));
    const times = Array.from({ length: TIME_BUCKETS }, (_, bucket) =>
      unsigned(words, word + (TIMES_OFFSET >> 2) + bucket),
    );
    methods.push({
      name: nameOf(hash, contract),
      running,
      // What runs was started. The two are not stored at once.
      served: Math.max(0, long(METHOD_STARTED_OFFSET) - running),
      failed: long(FAILED_OFFSET),
      cancelled: long(CANCELLED_OFFSET),
      time: long(TIME_OFFSET),
      longest: long(LONGEST_OFFSET),
      times,
    });
  }
  return methods;
}

/** Reads the last calls of an inbox, the newest first, from a private copy. Entries that are written meanwhile are left out. */
export function readCalls(memory: ChannelMemory, contract: ServiceContract | undefined): ObservedCall[] {
  const at = recentCallsAt(memory);
  const numbers = Array.from(
    { length: RECENT_CALLS },
    (_, index) => memory.words[(at + index * RECENT_LENGTH + NUMBER_OFFSET) >> 2] as number,
  );
  const words = copyWords(memory, at, RECENT_CALLS * RECENT_LENGTH);
  const calls: ObservedCall[] = [];
  for (const [index, before] of numbers.entries()) {
    const word = (index * RECENT_LENGTH) >> 2;
    const number = unsigned(words, word + (NUMBER_OFFSET >> 2));
    // The number is 0 while the entry is written; it was the same before and after the rest was copied.
    if (number === 0 || number !== before >>> 0 || (number - 1) % RECENT_CALLS !== index) continue;
    const ended = readLong(words, word + (ENDED_OFFSET >> 2));
    // The outcome is stored before the end.
    const outcome = ended === 0 ? undefined : OUTCOMES[unsigned(words, word + (OUTCOME_OFFSET >> 2))];
    calls.push({
      number,
      method: nameOf(unsigned(words, word + (RECENT_METHOD_OFFSET >> 2)), contract),
      caller: unsigned(words, word + (CALLER_OFFSET >> 2)),
      started: readLong(words, word + (RECENT_STARTED_OFFSET >> 2)),
      ended: outcome === undefined ? undefined : ended,
      outcome: outcome ?? 'running',
    });
  }
  return calls.sort((a, b) => b.started - a.started || b.number - a.number);
}

/** Counters of the same method of several servers, added up. */
export function addUp(states: readonly MethodState[], name: string): MethodState {
  const sum = (field: 'running' | 'served' | 'failed' | 'cancelled' | 'time') =>
    states.reduce((total, state) => total + state[field], 0);
  return {
    name,
    running: sum('running'),
    served: sum('served'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
    time: sum('time'),
    longest: Math.max(0, ...states.map(({ longest }) => longest)),
    times: Array.from({ length: TIME_BUCKETS }, (_, bucket) =>
      states.reduce((total, { times }) => total + (times[bucket] ?? 0), 0),
    ),
  };
}

/**
 * The time that a part of the calls did not exceed.
 *
 * @param part from 0 to 1, as 0.99.
 * @returns nanoseconds, the upper end of what is counted together: at most a quarter too much; undefined where no call has ended.
 */
export function quantile(
  { times, longest }: Pick<MethodState, 'times' | 'longest'>,
  part: number,
): number | undefined {
  const total = times.reduce((sum, calls) => sum + calls, 0);
  if (total === 0) return undefined;
  let seen = 0;
  const place = times.findIndex((calls) => {
    seen += calls;
    return seen >= part * total && seen > 0;
  });
  return place < 0 ? longest : Math.min(longest, upperEnd(place));
}

/** Nanoseconds below which all calls lie that are counted at that place of `times`. */
function upperEnd(place: number): number {
  if (place >= TIME_BUCKETS - 1) return Number.POSITIVE_INFINITY;
  const next = place + 1;
  const units = next < 4 ? next : (4 + (next & 3)) * 2 ** ((next >> 2) - 1);
  return units * 2 ** TIME_UNIT_BITS;
}

function nameOf(hash: number, contract: ServiceContract | undefined): string {
  return contract?.byHash.get(hash)?.name ?? `0x${hash.toString(16).padStart(8, '0')}`;
}

function unsigned(words: Int32Array, index: number): number {
  return (words[index] as number) >>> 0;
}

function copyWords({ bytes }: ChannelMemory, at: number, length: number): Int32Array {
  return new Int32Array(copyOut(bytes, at, at + length).buffer);
}
