import { type Bus, type ChannelInfo, monotonicNow } from '@mmfbus/channel';
import { channelsOf } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { Histogram, sparkline } from '../histogram.js';
import { durationOf, type measuringOptions, measuringWords } from '../measuring.js';
import type { Output } from '../output.js';
import { pause } from '../pause.js';
import { bytesOf } from '../sub/source.js';
import { type Column, drawTable } from '../tables.js';
import { count, duration } from '../units.js';

/** Characters of the longest bar. */
const BAR = 40;

const columns: readonly Column[] = [
  { heading: 'CHANNEL', isLeft: true },
  { heading: 'MESSAGES' },
  { heading: 'P50' },
  { heading: 'P99' },
  { heading: 'MAX' },
  { heading: 'BY TIME', isLeft: true },
];

export const command: Command = defineCommand({
  name: 'delay',
  summary: 'measure the latency of channels',
  ...measuringWords,
  help: `Joins each channel as a lossy subscriber, which no publisher waits for, and compares the time of each message with the
time at which it arrives, before it is decoded. Publishers wake this subscriber as they do any other. The bars count
the messages that took less than twice as long as those of the bar before.

  mmfbus delay prices
  mmfbus delay --all --for 10`,
  run,
});

interface Delays {
  readonly info: ChannelInfo;
  readonly histogram: Histogram;
  /** Messages whose publisher does not say when it published them. */
  untimed: number;
}

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
  const all = channels.map((info): Delays => ({ info, histogram: new Histogram(), untimed: 0 }));
  const leave = await Promise.all(all.map((delays) => listen(bus, delays, signal)));
  try {
    await pause(milliseconds, signal);
  } finally {
    await Promise.all(leave.map((close) => close()));
  }
  if (values.json === true) for (const delays of all) await out.json(asJson(delays));
  else if (all.length === 0) await out.line('There are no channels.');
  else await out.line(asText(out, all));
  return 0;
}

async function listen(bus: Bus, delays: Delays, signal: AbortSignal): Promise<() => Promise<void>> {
  const { info, histogram } = delays;
  const channel = bus.define<unknown>({ name: info.name, codec: bytesOf(info) });
  const subscriber = await channel.subscriber({
    name: 'mmfbus delay',
    delivery: 'lossy',
    open: 'open',
    start: 'latest',
    signal,
  });
  // What is lost, or makes no sense, is no measurement.
  subscriber.on('error', () => {});
  subscriber.on('message', ({ timestamp }) => {
    if (timestamp === 0) delays.untimed++;
    else histogram.add(monotonicNow() - timestamp);
  });
  return () => subscriber.close();
}

function asText(out: Output, all: readonly Delays[]): string {
  const text = [drawTable(out, columns, all.map(row))];
  const [only] = all;
  if (all.length === 1 && only !== undefined && only.histogram.count > 0) text.push('', bars(only.histogram));
  for (const { info, untimed } of all) {
    if (untimed > 0)
      text.push(`${count(untimed)} messages of ${info.name} do not say when they were published.`);
  }
  return text.join('\n');
}

function row({ info, histogram }: Delays): readonly string[] {
  const known = histogram.count > 0;
  const show = (value: number) => (known ? duration(value) : '-');
  return [
    info.name,
    count(histogram.count),
    show(histogram.quantile(0.5)),
    show(histogram.quantile(0.99)),
    show(histogram.largest),
    sparkline(histogram.octaves().map((octave) => octave.count)),
  ];
}

function bars(histogram: Histogram): string {
  const octaves = histogram.octaves();
  const most = Math.max(...octaves.map((octave) => octave.count));
  return octaves
    .map(({ from, count: counted }) => {
      const bar = '█'.repeat(Math.round((counted / most) * BAR)) || (counted > 0 ? '▏' : '');
      return `  < ${duration(from * 2).padStart(8)}  ${bar} ${counted > 0 ? count(counted) : ''}`.trimEnd();
    })
    .join('\n');
}

function asJson({ info, histogram, untimed }: Delays): unknown {
  const known = histogram.count > 0;
  return {
    name: info.name,
    messages: histogram.count,
    untimed,
    p50: known ? histogram.quantile(0.5) : null,
    p99: known ? histogram.quantile(0.99) : null,
    max: known ? histogram.largest : null,
    histogram: histogram.octaves().map(({ from, count: counted }) => ({ below: from * 2, count: counted })),
  };
}
