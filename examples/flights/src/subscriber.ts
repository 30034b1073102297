#!/usr/bin/env node
// Takes all flights from the channel until the publisher has left, and prints what it made of them.
import { type CloseReason, monotonicNow, type Subscriber } from '@mmfbus/channel';
import { DEFAULT_CHANNEL, type Flight, flightsChannel } from './channel.js';
import { Checksum } from './checksum.js';
import { parseSubscribing } from './command-line.js';
import { LatencyHistogram } from './latency.js';
import { isLaunched, type Result, tellLauncher } from './launcher-link.js';
import { runProgram } from './program.js';
import { summaries, summaryNames } from './summaries.js';
import type { Summary } from './summary.js';
import { count, duration, rate } from './units.js';

const HELP = `Usage: node subscriber.js <${summaryNames.join(' | ')}> [options]

Takes all flights from a channel, until their publisher has left, and prints
  hours         how many leave in each hour of the day
  delays        how late they arrive
  distances     the shortest, the longest, and all together

  --channel <name>    use another channel than "${DEFAULT_CHANNEL}"
  --help              print this`;

/** Why a subscription that ended is incomplete; undefined when it is complete. */
const problemOf: Readonly<Record<CloseReason, string | undefined>> = {
  left: undefined,
  local: 'closed early',
  died: 'publisher died',
  timeout: 'no publisher came',
  disconnected: 'disconnected',
  corrupted: 'memory corrupted',
};

/** Takes messages until the subscription ends. */
async function takeAll(subscriber: Subscriber<Flight>, summary: Summary, stop: AbortSignal): Promise<Result> {
  const checksum = new Checksum();
  const latency = new LatencyHistogram();
  let received = 0;
  let first = 0;
  let last = 0;
  let problem: string | undefined;
  subscriber.on('message', ({ value: flight, timestamp }) => {
    last = monotonicNow();
    if (received === 0) first = last;
    received++;
    latency.add(last - timestamp);
    checksum.add(flight);
    summary.add(flight);
  });
  subscriber.on('gap', (gap) => {
    problem = `lost ${gap.from} to ${gap.to}`;
  });
  subscriber.on('error', (error) => {
    problem = error.message;
  });
  const stopped = (): void => void subscriber.close();
  stop.addEventListener('abort', stopped, { once: true });
  if (stop.aborted) stopped();
  const { reason } = await subscriber.closed;
  stop.throwIfAborted();
  const [p50, p99] = [latency.percentile(0.5), latency.percentile(0.99)];
  return {
    count: received,
    checksum: checksum.value,
    seconds: (last - first) / 1e9,
    latency: p50 === undefined || p99 === undefined ? undefined : { p50, p99 },
    problem: problem ?? problemOf[reason],
  };
}

function describe({ count: received, checksum, seconds, latency }: Result): string {
  const perSecond = count(rate(received, seconds));
  const times =
    latency === undefined ? '' : `; latency p50 ${duration(latency.p50)}, p99 ${duration(latency.p99)}`;
  return `${count(received)} messages, checksum ${checksum}, ${perSecond} a second${times}`;
}

await runProgram('subscriber', async (args, stop) => {
  const { help, channel, subscriber: name } = parseSubscribing(args, summaryNames);
  if (help) {
    console.log(HELP);
    return 0;
  }
  const subscriber = await flightsChannel(channel).subscriber({ name, closeWithPublishers: true });
  if (!isLaunched) {
    console.log(`${name} ${process.pid} has joined the channel ${channel} and waits for a publisher.`);
  }
  await tellLauncher({ kind: 'joined' });
  const summary = summaries[name]();
  const result = await takeAll(subscriber, summary, stop);
  console.log(summary.report());
  if (!isLaunched) console.log(describe(result));
  await tellLauncher({ kind: 'result', result });
  if (result.problem === undefined) return 0;
  console.error(`${name}: ${result.problem}; this is of the ${count(result.count)} messages that arrived.`);
  return 1;
});
