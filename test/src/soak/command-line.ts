import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run soak -- [options]
       node main.js [options]

Processes and Workers publish, subscribe, pause, leave, are killed and terminated at random on
several channels, while every message is accounted for: none may be lost without a gap, doubled,
out of order or altered. Ends with the first that is. Ctrl-C ends it early, with the summary.

  --minutes <n>     how long, 10 unless told otherwise; parts such as 0.5 are allowed
  --kills <n>       ends after that many kills, if that is earlier
  --seed <n>        who does what follows from it; another one each time unless told otherwise
  --channels <n>    how many channels, 1 to 24, 6 unless told otherwise
  --processes <n>   how many processes at a time, 1 to 10, 8 unless told otherwise
  --help            print this

The exit status is 0 when all is accounted for, 1 when not, 2 when it was called wrongly.`;

/** The command line is wrong; the message is for whoever wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for. */
export interface SoakArguments {
  readonly minutes: number;
  readonly kills: number;
  readonly seed: number;
  readonly channels: number;
  readonly processes: number;
}

/** The options; undefined when help was asked for. */
export function readArguments(args: readonly string[]): SoakArguments | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  return {
    minutes: number('minutes', values.minutes ?? '10', 0.01, 24 * 60),
    kills: values.kills === undefined ? Number.POSITIVE_INFINITY : whole('kills', values.kills, 1, 1e6),
    seed: values.seed === undefined ? Date.now() % 2 ** 31 : whole('seed', values.seed, 0, 2 ** 31),
    channels: whole('channels', values.channels ?? '6', 1, 24),
    processes: whole('processes', values.processes ?? '8', 1, 10),
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' as const };
  const options = {
    minutes: text,
    kills: text,
    seed: text,
    channels: text,
    processes: text,
    help: { type: 'boolean' as const, short: 'h' },
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== '' && value >= least && value <= most) return value;
  throw new UsageError(`--${option} takes a number from ${least} to ${most}, not ${JSON.stringify(text)}`);
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = number(option, text, least, most);
  if (Number.isInteger(value)) return value;
  throw new UsageError(`--${option} takes a whole number, not ${JSON.stringify(text)}`);
}
