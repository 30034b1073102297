import { STATE_PUBLISHER } from '../format/participant-layout.js';
import type { Participant } from '../membership/participant.js';
import { Roster } from '../membership/roster.js';
import type { PublisherJoined, PublisherLeft, PublishersGone } from './delivery.js';

/** What a subscriber knows of the publishers of its channel. */
export class PublisherWatch {
  readonly #participant: Participant;
  /** What the last look found in the word of that name. */
  epoch: number;
  #closedEpoch: number;
  /** What {@link PublisherWatch.look} saw and has not been told yet. */
  #gone: { readonly closedEpoch: number; readonly reason: PublishersGone['reason'] } | undefined;
  /** Why the last publisher was gone when that was told last. */
  #lastReason: PublishersGone['reason'] | undefined;
  /** Whether something has changed since {@link PublisherWatch.overBy} was asked that can make it over. */
  #mayBeOver = false;
  readonly #roster: Roster;
  #joined: PublisherJoined[] = [];
  #left: PublisherLeft[] = [];

  /** With the publisher lock held. */
  constructor(participant: Participant) {
    this.#participant = participant;
    this.epoch = participant.roles.epoch();
    this.#closedEpoch = participant.roles.closedEpoch();
    participant.watchOver(STATE_PUBLISHER);
    this.#roster = new Roster(participant.table, [STATE_PUBLISHER]);
  }

  /**
   * Looks which publishers there are; before what they have published is read. Those that joined are watched over, so that their
   * death is heard of.
   *
   * @returns whether anything has changed.
   */
  look(): boolean {
    const { roles } = this.#participant;
    const closedEpoch = roles.closedEpoch();
    if (closedEpoch !== this.#closedEpoch) this.#gone = { closedEpoch, reason: roles.closedReason() };
    const epoch = roles.epoch();
    if (epoch === this.epoch) return false;
    this.epoch = epoch;
    this.#mayBeOver = this.#lastReason !== undefined;
    this.#participant.watchOver(STATE_PUBLISHER);
    const { joined, left } = this.#roster.look();
    for (const { slot, name, pid } of joined) this.#joined.push({ slot, name, pid });
    const remaining = this.#roster.count;
    for (const { slot, name, pid, end } of left) {
      // Only reliable subscribers are disconnected.
      const reason = end === 'disconnected' ? 'unknown' : end;
      this.#left.push({ slot, name, pid, reason, remaining });
    }
    return true;
  }

  /** Whether anything has changed since the last look. */
  hasNews(): boolean {
    const { roles } = this.#participant;
    return roles.epoch() !== this.epoch || roles.closedEpoch() !== this.#closedEpoch;
  }

  /** Those that have joined since this was asked before, as the looks saw it. */
  takeJoined(): readonly PublisherJoined[] {
    const joined = this.#joined;
    this.#joined = [];
    return joined;
  }

  /** Those that have ended since, the same. After everything was read that was published before the last look. */
  takeLeft(): readonly PublisherLeft[] {
    if (this.#left.length === 0) return this.#left;
    const left = this.#left;
    this.#left = [];
    return left;
  }

  /**
   * That the last publisher has gone, when the last look saw it and this was not asked since. After everything was read
   * that was published before that look.
   */
  takeGone(): PublishersGone | undefined {
    const gone = this.#gone;
    if (gone === undefined) return undefined;
    this.#gone = undefined;
    this.#closedEpoch = gone.closedEpoch;
    this.#lastReason = gone.reason;
    this.#mayBeOver = true;
    return { reason: gone.reason };
  }

  /**
   * Why the channel has no publisher any more; undefined where it has one, or where nothing has changed since this was asked before.
   * To be asked after each look: who leaves as the last publisher says so before it gives up its role, and raises the epoch after
   * that.
   */
  overBy(): PublishersGone['reason'] | undefined {
    if (!this.#mayBeOver) return undefined;
    this.#mayBeOver = false;
    const { roles } = this.#participant;
    const isOver = !roles.hasPublisher() && roles.closedEpoch() === this.#closedEpoch;
    return isOver ? this.#lastReason : undefined;
  }

  /** Whether there is one now, or was one since this watch began. */
  hadPublisher(): boolean {
    const { roles } = this.#participant;
    return (
      this.#lastReason !== undefined || roles.hasPublisher() || roles.closedEpoch() !== this.#closedEpoch
    );
  }

  /** Whether the slot is a publisher's still, in that generation. */
  isThere(slot: number, generation: number): boolean {
    const { table } = this.#participant;
    return (
      slot < table.count && table.stateOf(slot) === STATE_PUBLISHER && table.generationOf(slot) === generation
    );
  }
}
