import { type ChannelMemory, callLayout, readLong, writeLong } from '@mmfbus/channel/internal';
import type { ServiceContract } from '../contract/service-contract.js';

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
  OUTCOME_RUNNING,
  RECENT_CALLS,
  RECENT_LENGTH,
  RECENT_METHOD_OFFSET,
  RECENT_STARTED_OFFSET,
  refusedLength,
  RUNNING_OFFSET,
  TIME_BUCKETS,
  TIME_OFFSET,
  TIME_UNIT_BITS,
  TIMES_OFFSET,
} = callLayout;

/** How a call ended. */
export type CallOutcome = 'answered' | 'failed' | 'cancelled';

const OUTCOMES: Readonly<Record<CallOutcome, number>> = {
  answered: OUTCOME_ANSWERED,
  failed: OUTCOME_FAILED,
  cancelled: OUTCOME_CANCELLED,
};

const METHOD_WORDS: number = METHOD_LENGTH >> 2;
const RECENT_WORDS: number = RECENT_LENGTH >> 2;

/** Where in an inbox the counters of its methods begin. */
export function statisticsAt({ geometry }: ChannelMemory): number {
  return geometry.regionOffset + refusedLength(geometry.participantCount);
}

/** Where its last calls begin. */
export function recentCallsAt(memory: ChannelMemory): number {
  return statisticsAt(memory) + METHODS * METHOD_LENGTH;
}

/** What a server shows of its calls: counts and times of each method, and the last calls. Plain stores; nothing depends on them. */
export class Statistics {
  readonly #words: Int32Array<ArrayBuffer>;
  /** Word where the counters of a method begin, by its hash. */
  readonly #methods = new Map<number, number>();
  readonly #recent: number;
  #number = 0;

  constructor(memory: ChannelMemory, contract: ServiceContract) {
    this.#words = memory.words;
    this.#recent = recentCallsAt(memory) >> 2;
    let word = statisticsAt(memory) >> 2;
    for (const { hash } of contract.methods.values()) {
      this.#methods.set(hash, word);
      this.#words[word + (METHOD_HASH_OFFSET >> 2)] = hash;
      word += METHOD_WORDS;
    }
  }

  /**
   * A handler was started.
   *
   * @param now nanoseconds of the monotonic clock.
   * @returns the number of the call.
   */
  started(method: number, caller: number, now: number): number {
    const words = this.#words;
    const counters = this.#methods.get(method) as number;
    words[counters + (RUNNING_OFFSET >> 2)] = (words[counters + (RUNNING_OFFSET >> 2)] as number) + 1;
    add(words, counters + (METHOD_STARTED_OFFSET >> 2), 1);
    const number = ++this.#number;
    const entry = this.#entryOf(number);
    words[entry + (NUMBER_OFFSET >> 2)] = 0;
    writeLong(words, entry + (RECENT_STARTED_OFFSET >> 2), now);
    writeLong(words, entry + (ENDED_OFFSET >> 2), 0);
    words[entry + (RECENT_METHOD_OFFSET >> 2)] = method;
    words[entry + (CALLER_OFFSET >> 2)] = caller;
    words[entry + (OUTCOME_OFFSET >> 2)] = OUTCOME_RUNNING;
    words[entry + (NUMBER_OFFSET >> 2)] = number;
    return number;
  }

  /** It has ended; `began` is what `started` was told as `now`. */
  ended(method: number, number: number, began: number, now: number, outcome: CallOutcome): void {
    const words = this.#words;
    const counters = this.#methods.get(method) as number;
    const time = Math.max(0, now - began);
    words[counters + (RUNNING_OFFSET >> 2)] = (words[counters + (RUNNING_OFFSET >> 2)] as number) - 1;
    if (outcome === 'failed') add(words, counters + (FAILED_OFFSET >> 2), 1);
    else if (outcome === 'cancelled') add(words, counters + (CANCELLED_OFFSET >> 2), 1);
    add(words, counters + (TIME_OFFSET >> 2), time);
    if (time > readLong(words, counters + (LONGEST_OFFSET >> 2))) {
      writeLong(words, counters + (LONGEST_OFFSET >> 2), time);
    }
    const bucket = counters + (TIMES_OFFSET >> 2) + timeBucket(time);
    words[bucket] = (words[bucket] as number) + 1;
    const entry = this.#entryOf(number);
    // Where many run at once, another call may have its entry.
    if (words[entry + (NUMBER_OFFSET >> 2)] !== (number | 0)) return;
    words[entry + (OUTCOME_OFFSET >> 2)] = OUTCOMES[outcome];
    writeLong(words, entry + (ENDED_OFFSET >> 2), now);
  }

  #entryOf(number: number): number {
    return this.#recent + ((number - 1) % RECENT_CALLS) * RECENT_WORDS;
  }
}

/** Where in `times` a call is counted that took so many nanoseconds: four places for each power of two. */
export function timeBucket(time: number): number {
  const units = Math.floor(time / 2 ** TIME_UNIT_BITS);
  if (units >= 2 ** 31) return TIME_BUCKETS - 1;
  if (units < 4) return units;
  const highest = 31 - Math.clz32(units);
  return Math.min(4 * (highest - 1) + ((units >> (highest - 2)) & 3), TIME_BUCKETS - 1);
}

/** Sums over all methods of a server. */
export interface ServerTotals {
  /** Calls that have ended. */
  readonly served: number;
  /** Of these, those that an error has ended. */
  readonly failed: number;
  /** Nanoseconds that all of them took. */
  readonly time: number;
}

/** Reads what a server shows, as a client of it. Stale on arrival, and not to be trusted. */
export function readTotals(memory: ChannelMemory): ServerTotals {
  const { words } = memory;
  let counters = statisticsAt(memory) >> 2;
  let [served, failed, time] = [0, 0, 0];
  for (let index = 0; index < METHODS; index++, counters += METHOD_WORDS) {
    if (words[counters + (METHOD_HASH_OFFSET >> 2)] === 0) break;
    const started = readLong(words, counters + (METHOD_STARTED_OFFSET >> 2));
    served += Math.max(0, started - ((words[counters + (RUNNING_OFFSET >> 2)] as number) >>> 0));
    failed += readLong(words, counters + (FAILED_OFFSET >> 2));
    time += readLong(words, counters + (TIME_OFFSET >> 2));
  }
  return { served, failed, time };
}

function add(words: Int32Array<ArrayBuffer>, word: number, amount: number): void {
  writeLong(words, word, readLong(words, word) + amount);
}
