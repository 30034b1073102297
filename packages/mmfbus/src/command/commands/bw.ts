import { channelsOf } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { sparkline } from '../histogram.js';
import { durationOf, type Measured, measure, measuringOptions } from '../measuring.js';
import { type Column, drawTable } from '../tables.js';
import { bytes, rate } from '../units.js';

const columns: readonly Column[] = [
  { heading: 'CHANNEL', isLeft: true },
  { heading: 'BANDWIDTH' },
  { heading: 'RATE' },
  { heading: 'MESSAGE' },
  { heading: 'OVER TIME', isLeft: true },
];

export const command: Command = defineCommand({
  name: 'bw',
  summary: 'measure the bandwidth of channels',
  usage: 'NAME… | --all [--for SECONDS]',
  wordCount: { least: 0, most: Number.POSITIVE_INFINITY },
  wordKind: 'channel',
  help: `Counts the bytes of the encoded messages, as the publishers do. MESSAGE is the mean length of one.

  mmfbus bw --all
  mmfbus bw camera --for 10`,
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
  if (values.json === true) {
    for (const { info, bandwidth, rate: perSecond } of measured) {
      await out.json({ name: info.name, bandwidth, rate: perSecond });
    }
  } else if (measured.length === 0) await out.line('There are no channels.');
  else await out.line(drawTable(out, columns, measured.map(row)));
  return 0;
}

function row({ info, bandwidth, rate: perSecond, slices }: Measured): readonly string[] {
  return [
    info.name,
    `${bytes(Math.round(bandwidth))}/s`,
    rate(perSecond),
    perSecond > 0 ? bytes(Math.round(bandwidth / perSecond)) : '-',
    sparkline(slices.map((one) => one.bandwidth ?? 0)),
  ];
}
