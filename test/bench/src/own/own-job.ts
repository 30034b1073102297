/** What is measured of mmfbus alone. */
export type OwnMeasurement = 'frames' | 'busy' | 'lossy' | 'publishers' | 'idle' | 'memory' | 'open';

/** A measurement of mmfbus alone, in a process of its own. */
export interface OwnJob {
  readonly what: OwnMeasurement;
  readonly name: string;
  /** Messages, or with `idle` milliseconds, or with `open` channels. */
  readonly amount: number;
  /** Messages in a batch, subscribers, publishers, or channels. */
  readonly count: number;
}

/** What came out, by name. */
export type OwnValues = Readonly<Record<string, number>>;

/** One kind of measurement: this process measures, its partners are the other side where there is one. */
export interface Own {
  measure(job: OwnJob, startPartner: () => Promise<Partner>): Promise<OwnValues>;
  /** The other side. It says `ready` when measuring may begin. */
  partner?(job: OwnJob, say: (line: string) => void): Promise<void>;
}

/** A process that runs {@link Own.partner}; it is ready. */
export interface Partner {
  /** Its next line. */
  line(): Promise<string>;
}
