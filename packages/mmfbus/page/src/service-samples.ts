import type { ServiceEvent, ServiceRow } from '../../src/ui/protocol.js';
import type { Series } from './chart.js';

/** Samples that are kept: five minutes. */
const MOST_SAMPLES = 600;
/** Milliseconds without a sample after which rates begin anew. */
const BREAK = 3000;

interface Sample extends Pick<ServiceEvent, 'at' | 'row' | 'recent'> {
  /** Whether there is none before it to which it could be compared. */
  readonly isFirst: boolean;
}

/** How a service stood over time. */
export class ServiceSamples {
  #samples: readonly Sample[] = [];

  take({ at, row, recent }: ServiceEvent): void {
    const last = this.#samples.at(-1);
    const isFirst = last?.row === undefined || at - last.at > BREAK;
    this.#samples = [...this.#samples, { at, row, recent, isFirst }].slice(-MOST_SAMPLES);
  }

  get length(): number {
    return this.#samples.length;
  }

  /** Seconds since 1970. */
  get times(): number[] {
    return this.#samples.map(({ at }) => at / 1000);
  }

  /** A line of what the server tells, or makes of two looks. */
  line(label: string, value: (row: ServiceRow) => number): Series {
    const values = this.#samples.map(({ row, isFirst }) =>
      row === undefined || isFirst ? null : value(row),
    );
    return { label, values };
  }

  /** Nanoseconds that the calls took which had ended since the sample before. */
  recent(part: 'p50' | 'p99'): Series {
    return { label: part, values: this.#samples.map(({ recent }) => recent[part]) };
  }
}
