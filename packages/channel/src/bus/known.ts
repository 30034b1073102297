import type { PortAddress } from '@mmfbus/core/internal';
import type { BusChange, ParticipantInfo } from '../directory/channel-info.js';
import type { Seat } from '../directory/inspection.js';

/** What a watch has reported so far: the open channels and their participants. */
export class Known {
  readonly #channels = new Map<string, ReadonlyMap<string, Seat>>();
  readonly #lookAgain: (channel: string) => void;
  readonly #isAlive: (address: PortAddress) => ParticipantInfo['alive'];

  /**
   * @param lookAgain has a channel looked at once more in a moment.
   * @param isAlive says whether the owner of a port lives now.
   */
  constructor(
    lookAgain: (channel: string) => void,
    isAlive: (address: PortAddress) => ParticipantInfo['alive'],
  ) {
    this.#lookAgain = lookAgain;
    this.#isAlive = isAlive;
  }

  /** The names of the channels. */
  names(): string[] {
    return [...this.#channels.keys()];
  }

  /** What is new since: these have the channel's seats now, undefined for an empty seat. */
  update(channel: string, found: ReadonlyMap<string, Seat> | undefined): BusChange[] {
    const before = this.#channels.get(channel);
    const seats = found && this.#withoutBuriers(channel, before, found);
    const changes: BusChange[] = [];
    if (before === undefined && seats !== undefined) changes.push({ type: 'opened', channel });
    for (const [key, seat] of before ?? []) {
      if (!seats?.has(key)) changes.push({ type: 'left', channel, participant: this.#last(seat) });
    }
    for (const [key, { participant }] of seats ?? []) {
      if (!before?.has(key)) changes.push({ type: 'joined', channel, participant });
    }
    if (before !== undefined && seats === undefined) changes.push({ type: 'closed', channel });
    if (seats === undefined) this.#channels.delete(channel);
    else this.#channels.set(channel, seats);
    return changes;
  }

  /** What is new since: a channel was listed, and may be gone again by now. */
  open(channel: string): BusChange[] {
    return this.#channels.has(channel) ? [] : this.update(channel, new Map());
  }

  /** A participant that is gone, as it was seen last; but whether it lives is said of now. */
  #last({ participant, address }: Seat): ParticipantInfo {
    return { ...participant, alive: this.#isAlive(address) };
  }

  /**
   * A participant that claims the slot of a dead one has it for a moment with the role and the name of the dead. So one who has come
   * into the slot of another that was known counts only when a second look sees it too.
   */
  #withoutBuriers(
    channel: string,
    before: ReadonlyMap<string, Seat> = new Map(),
    found: ReadonlyMap<string, Seat>,
  ): ReadonlyMap<string, Seat> {
    const taken = new Set([...before.values()].map(({ participant }) => participant.slot));
    const sure = [...found].filter(
      ([key, { participant }]) => before.has(key) || !taken.has(participant.slot),
    );
    if (sure.length < found.size) this.#lookAgain(channel);
    return new Map(sure);
  }
}
