import type { BusChange, End } from '../directory/channel-info.js';
import type { Directory } from '../directory/directory.js';
import type { Inspection, Seat } from '../directory/inspection.js';

/** A channel that was reported to be open. */
interface OpenChannel {
  /** Of the life that was looked at; undefined before the first look. */
  readonly incarnation: string | undefined;
  readonly seats: ReadonlyMap<string, Seat>;
}

/** What a watch has reported so far: the open channels and their participants. */
export class Known {
  readonly #channels = new Map<string, OpenChannel>();
  readonly #lookAgain: (channel: string) => void;
  readonly #directory: Pick<Directory, 'isAlive' | 'endOf'>;

  /**
   * @param lookAgain has a channel looked at once more in a moment.
   * @param directory says what has become of a participant.
   */
  constructor(lookAgain: (channel: string) => void, directory: Pick<Directory, 'isAlive' | 'endOf'>) {
    this.#lookAgain = lookAgain;
    this.#directory = directory;
  }

  /** The names of the channels. */
  names(): string[] {
    return [...this.#channels.keys()];
  }

  /** What is new since: the channel was found like that, or is closed. */
  update(channel: string, found: Inspection | undefined): BusChange[] {
    const before = this.#channels.get(channel);
    const seats = found && this.#withoutBuriers(channel, before?.seats, found.living);
    const isSameLife = before !== undefined && before.incarnation === found?.info.incarnation;
    const changes: BusChange[] =
      before === undefined && seats !== undefined ? [{ type: 'opened', channel }] : [];
    for (const [key, seat] of before?.seats ?? []) {
      if (seats?.has(key)) continue;
      const reason = found && isSameLife ? found.endOf(key, seat) : this.#directory.endOf(seat.address);
      changes.push(this.#left(channel, seat, reason));
    }
    for (const [key, { participant }] of seats ?? []) {
      if (!before?.seats.has(key)) changes.push({ type: 'joined', channel, participant });
    }
    if (before !== undefined && seats === undefined) changes.push({ type: 'closed', channel });
    if (found === undefined || seats === undefined) this.#channels.delete(channel);
    else this.#channels.set(channel, { incarnation: found.info.incarnation, seats });
    return changes;
  }

  /** What is new since: a channel was listed, and may be gone again by now. */
  open(channel: string): BusChange[] {
    if (this.#channels.has(channel)) return [];
    this.#channels.set(channel, { incarnation: undefined, seats: new Map() });
    return [{ type: 'opened', channel }];
  }

  /** A participant that is gone, as it was seen last; but whether it lives is said of now. */
  #left(channel: string, { participant, address }: Seat, reason: End): BusChange {
    const alive = reason === 'died' ? false : this.#directory.isAlive(address);
    return { type: 'left', channel, participant: { ...participant, alive }, reason };
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
