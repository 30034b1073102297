import type { Partner, Told } from '../partner.js';

/** What is measured of mmfbus alone. */
export type OwnMeasurement =
  | 'frames'
  | 'busy'
  | 'lossy'
  | 'publishers'
  | 'idle'
  | 'memory'
  | 'open'
  | 'ping-pong'
  | 'stream'
  | 'stream-of-values'
  | 'channel-iterated'
  | 'blocking-servers'
  | 'idle-service';

/** A measurement of mmfbus alone, in a process of its own. */
export interface OwnJob {
  readonly what: OwnMeasurement;
  readonly name: string;
  /** Messages, or with `open` channels, or where time is measured milliseconds. */
  readonly amount: number;
  /** Messages in a batch, subscribers, publishers, channels, servers, or clients. */
  readonly count: number;
}

/** What came out, by name. */
export type OwnValues = Readonly<Record<string, number>>;

/** One kind of measurement: this process measures, its partners are the other side where there is one. */
export interface Own {
  /** @param startPartner starts another side; its role tells sides apart where there are several kinds. */
  measure(job: OwnJob, startPartner: (role?: string) => Promise<Partner>): Promise<OwnValues>;
  /** The other side. It says `ready` when measuring may begin. */
  partner?(job: OwnJob, say: (line: string) => void, told: Told): Promise<void>;
}
