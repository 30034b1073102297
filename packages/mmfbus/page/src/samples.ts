import type { ChannelEvent, ChannelRow, ParticipantRow } from '../../src/ui/protocol.js';
import type { Series } from './chart.js';
import { nameOf } from './format.js';

/** Samples that are kept: five minutes. */
const MOST_SAMPLES = 600;
/** Subscribers that have a line. */
const MOST_LINES = 6;

/** Milliseconds without a sample after which rates begin anew. */
const BREAK = 3000;

interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Whether there is none before it to which it could be compared. */
  readonly isFirst: boolean;
  readonly row: ChannelRow | undefined;
}

/** How a channel stood over time. */
export class Samples {
  #samples: readonly Sample[] = [];
  #names = new Map<number, string>();

  take({ at, row }: ChannelEvent): void {
    const isFirst = at - (this.#samples.at(-1)?.at ?? 0) > BREAK;
    this.#samples = [...this.#samples, { at, isFirst, row }].slice(-MOST_SAMPLES);
    this.#names = new Map(row?.participants.map((one) => [one.slot, nameOf(one)]));
  }

  get length(): number {
    return this.#samples.length;
  }

  /** Seconds since 1970. */
  get times(): number[] {
    return this.#samples.map(({ at }) => at / 1000);
  }

  /** One line of the whole channel. */
  whole(label: string, value: (row: ChannelRow) => number): Series[] {
    const values = this.#samples.map(({ row, isFirst }) =>
      row === undefined || isFirst ? null : value(row),
    );
    return [{ label, values }];
  }

  /** A line for each subscriber of now, those with the largest lag first. */
  bySubscriber(value: (participant: ParticipantRow, row: ChannelRow) => number | null): Series[] {
    const subscribers = (this.#samples.at(-1)?.row?.participants ?? [])
      .filter(({ role }) => role !== 'publisher')
      .slice(0, MOST_LINES);
    return subscribers.map(({ slot }) => ({
      label: `${this.#names.get(slot) ?? ''} (${slot})`,
      values: this.#samples.map(({ row }) => {
        const participant = row?.participants.find((one) => one.slot === slot);
        return row === undefined || participant === undefined ? null : value(participant, row);
      }),
    }));
  }
}

/**
 * How long messages wait for a subscriber, in milliseconds: what is in the ring for it, divided by what flows (Little's law). Null
 * where nothing flows.
 */
export function waitingOf({ lag }: ParticipantRow, { bytes }: ChannelRow): number | null {
  if (lag === 0) return 0;
  return bytes > 0 ? (lag / bytes) * 1000 : null;
}
