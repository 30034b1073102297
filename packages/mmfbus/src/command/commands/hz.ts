import type { Command } from '../command.js';
import { sparkline } from '../histogram.js';
import { countingCommand, type Measured } from '../measuring.js';
import type { Column } from '../tables.js';
import { count, rate } from '../units.js';

const columns: readonly Column[] = [
  { heading: 'CHANNEL', isLeft: true },
  { heading: 'MESSAGES' },
  { heading: 'RATE' },
  { heading: 'LEAST' },
  { heading: 'MOST' },
  { heading: 'OVER TIME', isLeft: true },
];

export const command: Command = countingCommand({
  name: 'hz',
  summary: 'measure the rates of channels',
  help: `Counts by the numbers of the messages, which it does not read. LEAST and MOST are the rates of one twentieth of the time.

  mmfbus hz --all
  mmfbus hz prices 'sensor.*' --for 10`,
  columns,
  row,
  asJson,
});

function ratesOf({ slices }: Measured): readonly number[] {
  return slices.map((one) => one.rate ?? 0);
}

function messagesOf({ slices }: Measured): number {
  return Math.round(slices.reduce((sum, one) => sum + (one.rate ?? 0) * one.seconds, 0));
}

function row(one: Measured): readonly string[] {
  const rates = ratesOf(one);
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  const known = rates.length > 0;
  return [
    one.info.name,
    count(messagesOf(one)),
    known ? rate(one.rate) : '-',
    known ? rate(least) : '-',
    known ? rate(most) : '-',
    sparkline(rates),
  ];
}

function asJson(one: Measured): unknown {
  const rates = ratesOf(one);
  return {
    name: one.info.name,
    messages: messagesOf(one),
    rate: one.rate,
    least: rates.length === 0 ? null : Math.min(...rates),
    most: rates.length === 0 ? null : Math.max(...rates),
    seconds: one.slices.reduce((sum, slice) => sum + slice.seconds, 0),
  };
}
