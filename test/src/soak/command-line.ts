import { type CommandLine, UsageError, wholeNumber } from '@mmfbus/terminal';

export const HELP = `Usage: npm run soak -- [options]
       node main.js [options]

Processes and Workers publish, subscribe, pause, leave, are killed and terminated at random on
several channels, while every message is accounted for: none may be lost without a gap, doubled,
out of order or altered. Ends with the first that is. Ctrl-C ends it early, with the summary.
With --calls they serve and call instead: every call is accounted for, with each time that its
handler ran.
With --nats there are two machines with bridges over JetStream. The bridges and the server are
killed too, and their links are cut: this takes nats-server, and for the links the superuser of
Linux.

  --nats            bridges over NATS; --channels and --processes have no effect
  --calls           calls instead of messages; --channels has no effect
  --minutes <n>     how long, 10 unless told otherwise; parts such as 0.5 are allowed
  --kills <n>       ends after that many kills, if that is earlier
  --seed <n>        who does what follows from it; another one each time unless told otherwise
  --channels <n>    how many channels, 1 to 24, 6 unless told otherwise
  --processes <n>   how many processes at a time, 1 to 10, 8 unless told otherwise
  --help            print this

The exit status is 0 when all is accounted for, 1 when not, 2 when it was called wrongly.`;

/** What was asked for. */
export interface SoakArguments {
  readonly kind: 'channels' | 'calls' | 'nats';
  readonly minutes: number;
  readonly kills: number;
  readonly seed: number;
  readonly channels: number;
  readonly processes: number;
}

/** The options of the command line. */
export const OPTIONS = {
  calls: { type: 'boolean', default: false },
  nats: { type: 'boolean', default: false },
  minutes: { type: 'string', default: '10' },
  kills: { type: 'string' },
  seed: { type: 'string' },
  channels: { type: 'string', default: '6' },
  processes: { type: 'string', default: '8' },
} as const;

const MOST_MINUTES = 24 * 60;

/** What a command line asks for. */
export function readArguments({ values }: CommandLine<typeof OPTIONS>): SoakArguments {
  return {
    kind: kindOf(values),
    minutes: minutesOf(values.minutes),
    kills:
      values.kills === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--kills', values.kills, 1, 1e6),
    seed: values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber('--seed', values.seed, 0, 2 ** 31),
    channels: wholeNumber('--channels', values.channels, 1, 24),
    processes: wholeNumber('--processes', values.processes, 1, 10),
  };
}

function kindOf({ calls, nats }: CommandLine<typeof OPTIONS>['values']): SoakArguments['kind'] {
  if (calls && nats) throw new UsageError('--calls and --nats are two soaks: give one of them');
  return calls ? 'calls' : nats ? 'nats' : 'channels';
}

function minutesOf(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0.01 && value <= MOST_MINUTES) return value;
  throw new UsageError(`--minutes takes a number from 0.01 to ${MOST_MINUTES}, not ${JSON.stringify(text)}`);
}
