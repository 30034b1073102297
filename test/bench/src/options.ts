import { parseArgs } from 'node:util';
import type { Scale } from './subjects/subject.js';

const HELP = `Usage: npm run bench -- [options]

Measures mmfbus and what people would use instead, several times and in turns, and prints
medians with the least and the most, then the table of goals. Let the machine do nothing else
meanwhile.

  --quick          only what the table of goals needs, with fewer messages and two rounds:
                   under a minute
  --rounds <n>     how often each is measured, 5 unless told otherwise
  --only <text>    only what has this text in its name
  --long           looks at the memory after 100 million messages instead of 10 million
  --json <file>    writes what was measured to that file, after each round
  --help           print this`;

/** What the user wants. */
export interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  readonly scale: Scale;
  readonly only: string;
  readonly json: string | undefined;
}

const QUICK_FACTOR = 0.2;
const MILLION = 1_000_000;

/** Reads the command line; undefined when help was asked for, and printed. */
export function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string', default: '' },
      long: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const { quick, only, json } = values;
  const rounds = Number(values.rounds ?? (quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds takes a whole number from 1 on, not ${JSON.stringify(values.rounds)}`);
  }
  const factor = quick ? QUICK_FACTOR : 1;
  const longRun = values.long ? 100 * MILLION : 10 * MILLION * (quick ? 0.1 : 1);
  return { quick, rounds, scale: { factor, longRun }, only, json };
}
