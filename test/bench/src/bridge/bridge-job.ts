import type { Place } from '../job.js';

/** Which way messages go: from a channel to NATS, or from NATS to a channel. */
export type Direction = 'export' | 'import';

/** What carries them: a bridge, or a loop as one writes it with the client. */
export type Carrier = 'bridge' | 'by hand';

/** What they go through at the server. */
export type Engine = 'core' | 'stream';

/** One measurement of what carries messages between a channel and NATS, handed to each of its processes. */
export interface BridgeJob extends Place {
  readonly direction: Direction;
  readonly carrier: Carrier;
  readonly engine: Engine;
  /** How many messages come before those that count, for the code to be compiled. */
  readonly warmUp: number;
  /** How many messages go as fast as they are taken. */
  readonly messages: number;
  /** How many go at a steady rate after that, and how many a second. */
  readonly paced: number;
  readonly rate: number;
}

/** What one measurement gave. */
export interface BridgeMeasurement {
  /** Messages a second, as fast as they are taken, until the last one has arrived. */
  readonly throughput: number;
  /** Processor time of the process between, for each of these messages, nanoseconds. */
  readonly cpu: number;
  /** The same at the steady rate. */
  readonly pacedCpu: number;
  /** Nanoseconds from one end to the other at the steady rate. */
  readonly p50: number;
  readonly p99: number;
}

/** The subject of a job, without the incarnation behind it; it is also the name of the stream. */
export function subjectOf({ name }: Place): string {
  return name;
}

/** Where the last process tells the first one how far it is, where nothing else holds that back. */
export function takenSubjectOf({ name }: Place): string {
  return `${name}-taken`;
}
