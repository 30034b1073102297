import type { Command } from '../command.js';
import { sparkline } from '../histogram.js';
import { countingCommand, type Measured } from '../measuring.js';
import type { Column } from '../tables.js';
import { bytes, rate } from '../units.js';

const columns: readonly Column[] = [
  { heading: 'CHANNEL', isLeft: true },
  { heading: 'BANDWIDTH' },
  { heading: 'RATE' },
  { heading: 'MESSAGE' },
  { heading: 'OVER TIME', isLeft: true },
];

export const command: Command = countingCommand({
  name: 'bw',
  summary: 'measure the bandwidth of channels',
  help: `Counts the bytes of the encoded messages, as the publishers do. MESSAGE is the mean length of one.

  mmfbus bw --all
  mmfbus bw camera --for 10`,
  columns,
  row,
  asJson,
});

function row({ info, bandwidth, rate: perSecond, slices }: Measured): readonly string[] {
  return [
    info.name,
    `${bytes(Math.round(bandwidth))}/s`,
    rate(perSecond),
    perSecond > 0 ? bytes(Math.round(bandwidth / perSecond)) : '-',
    sparkline(slices.map((one) => one.bandwidth ?? 0)),
  ];
}

function asJson({ info, bandwidth, rate: perSecond }: Measured): unknown {
  return { name: info.name, bandwidth, rate: perSecond };
}
