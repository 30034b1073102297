/** What a number is. */
export type Unit = 'messages/s' | 'calls/s' | 'ns' | 'ms' | 's' | '%' | 'bytes';

/** One number that a measurement gave. */
export interface Value {
  readonly name: string;
  readonly unit: Unit;
  readonly value: number;
}

/** How much is measured. */
export interface Scale {
  /** Times the usual number of messages. */
  readonly factor: number;
  /** Messages after which the memory is looked at. */
  readonly longRun: number;
}

/** A program that has to be installed, and Debian's package with it. */
export interface Program {
  readonly name: string;
  readonly debian: string;
}

/** One thing that is measured several times, in turns with all the others. */
export interface Subject {
  readonly name: string;
  /** Whether it takes so long that it is measured in the first round only. Defaults to false. */
  readonly once?: boolean;
  /** The peer that it is about, where it is one. */
  readonly peer?: string;
  /** What it needs beside what its peer needs. Defaults to nothing. */
  readonly program?: Program;
  measure(signal: AbortSignal, scale: Scale): Promise<readonly Value[]>;
}

/** A number of messages at that scale. */
export function scaled(count: number, { factor }: Scale): number {
  return Math.max(20, Math.round(count * factor));
}
