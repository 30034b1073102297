import type { Bus, ChannelInfo } from '@mmfbus/channel';
import { UsageError } from '@mmfbus/terminal';
import { channelsOf } from './channels.js';
import { type Command, type Context, defineCommand } from './command.js';
import { Looks, type Seen } from './looks.js';
import { pause } from './pause.js';
import { type Column, drawTable } from './tables.js';

/** Options of the commands that measure for some time. */
export const measuringOptions = {
  all: { type: 'boolean', short: 'a', about: 'all channels that are listed' },
  for: { type: 'string', default: '3', value: 'SECONDS', about: 'how long it measures' },
} as const;

/** The command line of those commands. */
export const measuringWords: {
  readonly usage: string;
  readonly wordCount: { readonly least: number; readonly most: number };
  readonly wordKind: 'channel';
  readonly options: typeof measuringOptions;
  readonly showsAll: true;
} = {
  usage: 'NAME… | --all [--for SECONDS]',
  wordCount: { least: 0, most: Number.POSITIVE_INFINITY },
  wordKind: 'channel',
  options: measuringOptions,
  showsAll: true,
};

const LONGEST_SECONDS = 86_400;
/** Slices of a measurement, each with a rate of its own. */
const SLICES = 20;
const LEAST_SLICE_MS = 20;

/**
 * Reads the value of `--for`.
 *
 * @returns milliseconds.
 * @throws {UsageError} where it is none.
 */
export function durationOf(text: string): number {
  const seconds = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && seconds > 0 && seconds <= LONGEST_SECONDS) return seconds * 1000;
  throw new UsageError(
    `--for takes seconds up to ${LONGEST_SECONDS}, such as 0.5, not ${JSON.stringify(text)}`,
  );
}

/** What was measured of one channel. */
export interface Measured {
  readonly info: ChannelInfo;
  /** In each slice that it was there for, since the slice before. */
  readonly slices: readonly Seen[];
  /** Over all of them. */
  readonly rate: number;
  readonly bandwidth: number;
}

/** What a command that counts in slices of time shows of each channel. */
interface Counting {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  readonly columns: readonly Column[];
  row(measured: Measured): readonly string[];
  asJson(measured: Measured): unknown;
}

/** Makes a command that looks at channels for some time and prints a line for each of them. */
export function countingCommand({ columns, row, asJson, ...words }: Counting): Command {
  return defineCommand({
    ...measuringWords,
    ...words,
    async run({ values, words, out, signal, openBus }: Context<typeof measuringOptions>): Promise<number> {
      const milliseconds = durationOf(values.for);
      const bus = await openBus();
      const channels = await channelsOf(bus, words, values.all === true, signal);
      const names = channels.map(({ name }) => name);
      const measured = await measure(bus, names, milliseconds, signal);
      if (values.json === true) for (const one of measured) await out.json(asJson(one));
      else if (measured.length === 0) await out.line('There are no channels.');
      else await out.line(drawTable(out, columns, measured.map(row)));
      return 0;
    },
  });
}

/** Looks at channels in slices of some time, until it is over, or the signal aborts. */
async function measure(
  bus: Bus,
  names: readonly string[],
  milliseconds: number,
  signal: AbortSignal,
): Promise<readonly Measured[]> {
  const looks = new Looks();
  const found = new Map<string, Seen[]>();
  const last = new Map<string, ChannelInfo>();
  const slice = Math.max(LEAST_SLICE_MS, milliseconds / SLICES);
  const end = performance.now() + milliseconds;
  for (;;) {
    for (const seen of looks.take(await lookAt(bus, names))) {
      last.set(seen.info.name, seen.info);
      if (seen.rate !== undefined) found.set(seen.info.name, [...(found.get(seen.info.name) ?? []), seen]);
    }
    const left = end - performance.now();
    if (left <= 0 || !(await pause(Math.min(slice, left), signal))) break;
  }
  return [...last.values()].map((info) => summary(info, found.get(info.name) ?? []));
}

async function lookAt(bus: Bus, names: readonly string[]): Promise<readonly ChannelInfo[]> {
  const found = await Promise.all(names.map((name) => bus.inspect(name)));
  return found.filter((info) => info !== undefined);
}

function summary(info: ChannelInfo, slices: readonly Seen[]): Measured {
  const total = slices.reduce((sum, one) => sum + one.seconds, 0);
  const mean = (of: (one: Seen) => number) =>
    total === 0 ? 0 : slices.reduce((sum, one) => sum + of(one) * one.seconds, 0) / total;
  return { info, slices, rate: mean((one) => one.rate ?? 0), bandwidth: mean((one) => one.bandwidth ?? 0) };
}
