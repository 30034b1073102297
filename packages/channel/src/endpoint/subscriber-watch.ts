import { STATE_LOSSY, STATE_RELIABLE, WANTS_MEMBERS } from '../format/participant-layout.js';
import { unlessAborted, type WaitLimits, withDeadline, withSignals } from '../foundation/deadline.js';
import type { Participant } from '../membership/participant.js';
import { type Member, Roster } from '../membership/roster.js';
import type { SubscriberJoined, SubscriberLeft } from './delivery.js';

/** What a watch tells. */
export interface SubscriberWatchHooks {
  joined(subscriber: SubscriberJoined): void;
  left(subscriber: SubscriberLeft): void;
}

/** What a publisher knows of the subscribers of its channel, as long as the program wants to know. */
export class SubscriberWatch {
  readonly #participant: Participant;
  readonly #hooks: SubscriberWatchHooks;
  readonly #closing = new AbortController();
  /** Undefined while the program is not told of joins and leaves. */
  #roster: Roster | undefined;
  /** Each is called at the next look. */
  readonly #waiting = new Set<() => void>();

  constructor(participant: Participant, hooks: SubscriberWatchHooks) {
    this.#participant = participant;
    this.#hooks = hooks;
    participant.rung.add(() => this.#look());
  }

  /** Begins to tell who comes and goes, or ends that. */
  setTelling(tells: boolean): void {
    if (tells === (this.#roster !== undefined) || this.#closing.signal.aborted) return;
    if (tells) {
      this.#arm();
      this.#roster = new Roster(this.#participant.table, [STATE_RELIABLE, STATE_LOSSY]);
    } else {
      this.#roster = undefined;
      this.#rest();
    }
  }

  /** Waits until there are so many subscribers; how many there are then. Keeps the process alive meanwhile. */
  async waitFor(count: number, limits: WaitLimits, tooLate: () => Error): Promise<number> {
    const { roles } = this.#participant;
    const now = roles.subscriberCount();
    if (now >= count) return now;
    let wake: () => void = () => {};
    const release = this.#participant.keepAlive();
    try {
      return await withDeadline(limits, tooLate, (limit) =>
        withSignals([limit, this.#closing.signal], async (signal) => {
          for (;;) {
            const looked = new Promise<void>((resolve) => {
              wake = resolve;
            });
            this.#waiting.add(wake);
            this.#arm();
            const there = roles.subscriberCount();
            if (there >= count) return there;
            await unlessAborted(looked, signal);
          }
        }),
      );
    } finally {
      release();
      this.#waiting.delete(wake);
      this.#rest();
    }
  }

  /** Ends it: each call that waits fails with that reason. From here on the memory of the channel is not touched. */
  close(reason: unknown): void {
    this.#roster = undefined;
    this.#closing.abort(reason);
  }

  /** Sleeps until a participant joins or leaves. */
  #arm(): void {
    // SYNC: going to sleep. Counted and flagged before this looks; who comes or goes says so, then rings.
    this.#participant.sleep.begin(WANTS_MEMBERS);
    this.#participant.watchOver(STATE_RELIABLE);
    this.#participant.watchOver(STATE_LOSSY);
  }

  /** The bell has rung, for this or for something else. */
  #look(): void {
    if (this.#closing.signal.aborted) return;
    if (this.#roster === undefined && this.#waiting.size === 0) {
      this.#rest();
      return;
    }
    this.#arm();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
    if (this.#roster !== undefined) this.#tell(this.#roster);
  }

  #tell(roster: Roster): void {
    const { joined, left } = roster.look();
    const remaining = roster.count;
    for (const { end, ...member } of left) {
      this.#hooks.left({ ...subscriberOf(member), reason: end, remaining });
    }
    for (const member of joined) this.#hooks.joined(subscriberOf(member));
  }

  /** Ends the sleep where neither a call nor a listener waits. */
  #rest(): void {
    if (this.#roster !== undefined || this.#waiting.size > 0 || this.#closing.signal.aborted) return;
    this.#participant.sleep.end(WANTS_MEMBERS);
  }
}

function subscriberOf({ slot, name, pid, state }: Member): SubscriberJoined {
  return { slot, name, pid, delivery: state === STATE_RELIABLE ? 'reliable' : 'lossy' };
}
