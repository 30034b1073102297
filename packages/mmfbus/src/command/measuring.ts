import type { Bus, ChannelInfo } from '@mmfbus/channel';
import { UsageError } from '@mmfbus/terminal';
import { Looks, type Seen } from './looks.js';
import { pause } from './pause.js';

/** Options of the commands that measure for some time. */
export const measuringOptions = {
  all: { type: 'boolean', short: 'a', about: 'all channels that are listed' },
  for: { type: 'string', default: '3', value: 'SECONDS', about: 'how long it measures' },
} as const;

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

/** Looks at channels in slices of some time, until it is over, or the signal aborts. */
export async function measure(
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
