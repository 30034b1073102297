import type { ChannelPlan } from './channel-plan.js';
import { ALTERED, type Entry, GAP, type LedgerContents, type Stall } from './ledger.js';
import type { SubscriberRole } from './life-plan.js';
import type { Truth } from './truth.js';

/** Nanoseconds by which the clocks of two processes may differ: each finds the system's for itself. */
const SLACK = 1e6;
/** Messages for which no bell may have been rung yet. */
const UNRUNG = 3;

/** A subscriber that has ended. */
export interface EndedSubscriber {
  readonly role: SubscriberRole;
  /** With `after`: the number it was to begin after. */
  readonly after: number | undefined;
  readonly ledger: LedgerContents;
}

/** What was found of a role. */
export interface Findings {
  readonly problems: readonly string[];
  readonly received: number;
  readonly missed: number;
  /** Messages that were begun before it joined. */
  readonly before: number;
  /** Number of the last message; 0 for none. */
  readonly last: number;
}

/** Compares what a subscriber wrote down with what was published. The auditor must have got all that by now. */
export function judgeSubscriber(subscriber: EndedSubscriber, truth: Truth): Findings {
  return new SubscriberJudge(subscriber, truth).judge();
}

class SubscriberJudge {
  readonly #subscriber: EndedSubscriber;
  readonly #channel: ChannelPlan;
  readonly #ledger: LedgerContents;
  readonly #truth: Truth;
  readonly #problems: string[] = [];
  #received = 0;
  #missed = 0;
  #before = 0;

  constructor(subscriber: EndedSubscriber, truth: Truth) {
    this.#subscriber = subscriber;
    this.#channel = subscriber.role.channel;
    this.#ledger = subscriber.ledger;
    this.#truth = truth;
  }

  judge(): Findings {
    const { entries, joined } = this.#ledger;
    if (joined === 0) {
      if (entries.length > 0) this.#problems.push('it got messages before it had joined');
      return this.#findings(0);
    }
    this.#judgeStart(entries[0]);
    let next = entries[0]?.sequence ?? 0;
    for (const entry of entries) {
      this.#judgePlace(entry, next);
      if (entry.publisher === GAP) this.#judgeGap(entry, entry === entries[0]);
      else this.#judgeMessages(entry);
      next = entry.sequence + entry.count;
    }
    const last = Math.max(0, next - 1);
    for (const stall of this.#ledger.stalls) this.#judgeStall(stall);
    this.#judgeEnd(last);
    return this.#findings(last);
  }

  #findings(last: number): Findings {
    const { length } = this.#problems;
    // One thing that goes wrong makes everything after it look wrong.
    const problems = length > 5 ? [...this.#problems.slice(0, 5), `and ${length - 5} more`] : this.#problems;
    return { problems, received: this.#received, missed: this.#missed, before: this.#before, last };
  }

  /** The first message must be the one after its join: of that we know between which two times it was. */
  #judgeStart(first: Entry | undefined): void {
    const { start } = this.#subscriber.role;
    const { after } = this.#subscriber;
    if (after !== undefined) {
      if (first !== undefined && first.sequence !== after + 1) {
        this.#problems.push(`it was to begin after ${after} and began with ${first.sequence}`);
      }
      return;
    }
    const kept = start === 'history' ? this.#channel.history : 0;
    if (first === undefined) return;
    const { least, most } = this.#nextAtJoin();
    if (start !== 'earliest' && first.sequence < Math.max(1, least - kept)) {
      this.#problems.push(`it began with ${first.sequence}; when it joined, ${least} was still to come`);
    }
    this.#excuse(Math.max(1, most - kept), first.sequence, `it began with ${first.sequence}`);
  }

  /** Between which numbers the one of the next message was when it joined. */
  #nextAtJoin(): { readonly least: number; readonly most: number } {
    const { joinBegun, joined } = this.#ledger;
    return {
      least: this.#truth.lastSeenBefore(joinBegun - SLACK) + 1,
      most: this.#truth.firstStampedAfter(joined + SLACK),
    };
  }

  #judgePlace({ sequence, count }: Entry, next: number): void {
    if (sequence < next) {
      this.#problems.push(`${sequence} came where ${next} was due: again, or out of order`);
    }
    this.#excuse(next, sequence, `${sequence} came where ${next} was due`);
    const { last } = this.#truth;
    if (sequence + count - 1 > last) {
      this.#problems.push(`it got or missed ${sequence} to ${sequence + count - 1}; the last one is ${last}`);
    }
  }

  /** Messages that it neither got nor missed must have been begun before it joined. */
  #excuse(from: number, to: number, what: string): void {
    for (let sequence = from; sequence < to; sequence++) {
      if (this.#isSplitFromBefore(sequence)) this.#before++;
      else {
        this.#problems.push(`${what}: ${sequence} is lost without a gap`);
        return;
      }
    }
  }

  #judgeGap({ sequence, count }: Entry, first: boolean): void {
    this.#missed += count;
    const { role, after } = this.#subscriber;
    if (role.delivery === 'lossy' || (after !== undefined && (first || this.#isOfSplits(sequence, count))))
      return;
    this.#problems.push(`it is reliable and missed ${count} from ${sequence} on`);
  }

  /** Of messages that were begun before it joined: with `after` they are owed, and their beginning may be overwritten. */
  #isOfSplits(from: number, count: number): boolean {
    for (let sequence = from; sequence < from + count; sequence++) {
      if (!this.#isSplitFromBefore(sequence)) return false;
    }
    return true;
  }

  #isSplitFromBefore(sequence: number): boolean {
    const begun = this.#truth.splitBegun(sequence);
    return begun !== undefined && begun <= this.#ledger.joined + SLACK;
  }

  #judgeMessages({ sequence, publisher, counter, count }: Entry): void {
    this.#received += count;
    if (publisher === ALTERED) {
      this.#problems.push(`${sequence} was altered`);
      return;
    }
    const truth = this.#truth;
    const end = Math.min(sequence + count - 1, truth.last);
    if (sequence < truth.first) {
      this.#problems.push(`${sequence} came; the oldest there can be is ${truth.first}`);
      return;
    }
    for (let index = sequence; index <= end; index++) {
      if (truth.publisherOf(index) === publisher && truth.counterOf(index) === counter + index - sequence) {
        continue;
      }
      const got = `message ${counter + index - sequence} of ${publisher}`;
      const due = `message ${truth.counterOf(index)} of ${truth.publisherOf(index)}`;
      this.#problems.push(`as ${index} it got ${got}; the auditor got ${due}`);
      return;
    }
  }

  #judgeEnd(last: number): void {
    const { drainBegun, ended } = this.#ledger;
    if (ended || drainBegun === 0 || this.#subscriber.role.take === 'poll') return;
    const due = this.#truth.lastSeenBefore(drainBegun - SLACK);
    this.#excuse(this.#following(last), due + 1, `it drained up to ${last} when ${due} was published`);
  }
  /**
   * What the auditor got before its event loop turned many times must not be still to come after that; but for the last
   * messages, since a publisher may have been stopped before it rang for one.
   */
  #judgeStall({ since, last }: Stall): void {
    const due = this.#truth.lastSeenBefore(since - SLACK);
    const what = `it was at ${last} for a while when ${due} was published`;
    this.#excuse(this.#following(last), due + 1 - UNRUNG, what);
  }

  /** Number of the first message it has to get after the last one it got. */
  #following(last: number): number {
    return last === 0 ? this.#nextAtJoin().most : last + 1;
  }
}
