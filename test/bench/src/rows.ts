/** A line of the table: what is to be reached, and how it follows from what was measured. */
export interface Row {
  readonly title: string;
  /** Names of subjects. */
  readonly of: readonly string[];
  /** From the medians, in the order of {@link Row.of}. */
  value(...medians: number[]): number;
  readonly goal: number;
  readonly least: number;
  /** Whether larger values are better. */
  readonly larger: boolean;
  format(value: number): string;
}

const times = (value: number) => `${value.toPrecision(3)}×`;
const ratio = (a: number, b: number) => a / b;
const inverse = (a: number, b: number) => b / a;

/** What this project is to reach, and what it must reach at least. */
export const rows: readonly Row[] = [
  {
    title: 'object one way, against socket + msgpackr',
    of: ['object, mmfbus', 'object, socket'],
    value: ratio,
    goal: 4,
    least: 3,
    larger: true,
    format: times,
  },
  {
    title: 'object one way, against child_process',
    of: ['object, mmfbus', 'object, child_process'],
    value: ratio,
    goal: 8,
    least: 4,
    larger: true,
    format: times,
  },
  {
    title: '64-byte frames by poll, against the limit in C',
    of: ['64 bytes by poll, mmfbus', '64 bytes, the limit in C'],
    value: inverse,
    goal: 0.4,
    least: 0.2,
    larger: true,
    format: times,
  },
  {
    title: '1 MiB one way, against a socket',
    of: ['1 MiB, mmfbus', '1 MiB, socket'],
    value: ratio,
    goal: 10,
    least: 5,
    larger: true,
    format: times,
  },
  {
    title: 'round trip cold p50, against a socket',
    of: ['round trip cold, mmfbus', 'round trip cold, socket'],
    value: ratio,
    goal: 0.8,
    least: 1.1,
    larger: false,
    format: times,
  },
  {
    title: 'round trip warm p50, against a socket',
    of: ['round trip warm, mmfbus', 'round trip warm, socket'],
    value: ratio,
    goal: 1 / 30,
    least: 1 / 10,
    larger: false,
    format: times,
  },
  {
    title: 'round trip busy p50',
    of: ['round trip busy, mmfbus'],
    value: (a) => a / 1000,
    goal: 2,
    least: 4,
    larger: false,
    format: (value) => `${value.toFixed(2)} µs`,
  },
  {
    title: 'publishing to 8 lossy, against 1',
    of: ['publishing to 8 lossy', 'publishing to 1 lossy'],
    value: ratio,
    goal: 1.1,
    least: 1.3,
    larger: false,
    format: times,
  },
  {
    title: 'idle, 100 channels',
    of: ['idle, 100 channels'],
    value: (a) => a,
    goal: 0.1,
    least: 0.5,
    larger: false,
    format: (value) => `${value.toFixed(3)} %`,
  },
  {
    title: 'heap growth over 10 million messages',
    of: ['heap after 10 million'],
    value: (a) => a / 1024,
    goal: 100,
    least: 100,
    larger: false,
    format: (value) => `${value.toFixed(0)} KiB`,
  },
];
