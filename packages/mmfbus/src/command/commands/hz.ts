import { channelsOf } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { sparkline } from '../histogram.js';
import { durationOf, type Measured, measure, measuringOptions } from '../measuring.js';
import { type Column, drawTable } from '../tables.js';
import { count, rate } from '../units.js';

const columns: readonly Column[] = [
  { heading: 'CHANNEL', isLeft: true },
  { heading: 'MESSAGES' },
  { heading: 'RATE' },
  { heading: 'LEAST' },
  { heading: 'MOST' },
  { heading: 'OVER TIME', isLeft: true },
];

export const command: Command = defineCommand({
  name: 'hz',
  summary: 'measure the rates of channels',
  usage: 'NAME… | --all [--for SECONDS]',
  wordCount: { least: 0, most: Number.POSITIVE_INFINITY },
  wordKind: 'channel',
  help: `Counts by the numbers of the messages, which it does not read. LEAST and MOST are the rates of one twentieth of the time.

  mmfbus hz --all
  mmfbus hz prices 'sensor.*' --for 10`,
  options: measuringOptions,
  run,
});

async function run({
  values,
  words,
  out,
  signal,
  openBus,
}: Context<typeof measuringOptions>): Promise<number> {
  const milliseconds = durationOf(values.for);
  const bus = await openBus();
  const channels = await channelsOf(bus, words, values.all === true, signal);
  const measured = await measure(
    bus,
    channels.map(({ name }) => name),
    milliseconds,
    signal,
  );
  if (values.json === true) for (const one of measured) await out.json(asJson(one));
  else if (measured.length === 0) await out.line('There are no channels.');
  else await out.line(drawTable(out, columns, measured.map(row)));
  return 0;
}

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
