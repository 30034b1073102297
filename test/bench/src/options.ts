import { type CommandLine, wholeNumber } from '@mmfbus/terminal';
import type { Scale } from './subjects/subject.js';

/** What `--help` prints. */
export const HELP: string = `Usage: npm run bench -- [options]

Measures mmfbus and what people would use instead, several times and in turns, and prints
medians with the least and the most, then the table of goals. Let the machine do nothing else
meanwhile.

  --quick          only what the table of goals needs, with fewer messages and two rounds:
                   two to three minutes
  --rounds <n>     how often each is measured, 5 unless told otherwise
  --only <text>    only what has this text in its name: "calls" for calls between
                   processes, "bridge" for a bridge to NATS against a loop by hand, "real"
                   for messages as programs have them
  --node <path>    with another Node than the one that runs this
  --long           looks at the memory after 100 million messages instead of 10 million
  --json <file>    writes what was measured to that file, after each round
  --help           print this`;

/** What the user wants. */
export interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  readonly scale: Scale;
  readonly only: string;
  /** The Node that measures, where it is another one. */
  readonly node: string | undefined;
  readonly json: string | undefined;
}

const QUICK_FACTOR = 0.2;
const MILLION = 1_000_000;

/** The options of the command line. */
export const OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  only: { type: 'string', default: '' },
  node: { type: 'string' },
  long: { type: 'boolean', default: false },
  json: { type: 'string' },
} as const;

/** What a command line asks for. */
export function readOptions({ values }: CommandLine<typeof OPTIONS>): Options {
  const { quick, only, node, json } = values;
  const rounds = wholeNumber('--rounds', values.rounds ?? (quick ? '2' : '5'), 1, 1000);
  const factor = quick ? QUICK_FACTOR : 1;
  const longRun = values.long ? 100 * MILLION : 10 * MILLION * (quick ? 0.1 : 1);
  return { quick, rounds, scale: { factor, longRun }, only, node, json };
}
