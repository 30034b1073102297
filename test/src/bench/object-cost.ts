// What a typed object costs on its way from one process to another: processor time of each side, per message.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Channel, defineChannel } from '@mmfbus/channel';
import { f64, type Infer, oneOf, string, struct, u32, u64 } from '@mmfbus/codec';
import { type CommandLine, runCommand, wholeNumber } from '@mmfbus/terminal';

const MiB = 2 ** 20;

const HELP = `Usage: npm run bench:object -- [options]

Publishes small typed objects in one process, reads them in another, and prints the processor
time that each side takes for a message. The exit status is 1 when the median of one of them
is above 300 ns.

  --messages <n>   how many a round, 2000000 unless told otherwise
  --rounds <n>     5 unless told otherwise
  --help           print this`;

/** Nanoseconds a message may cost each side. */
const LIMIT = 300;
/** Messages that are not counted: the code is compiled meanwhile. */
const WARM_UP = 200_000;

const quote = struct({
  id: u32(),
  sym: string(),
  px: f64(),
  qty: u32(),
  ts: u64({ as: 'number' }),
  side: oneOf('buy', 'sell'),
});
type Quote = Infer<typeof quote>;

function channelOf(name: string): Channel<Quote> {
  return defineChannel({ name, schema: quote, capacity: 8 * MiB });
}

/** Nanoseconds of processor time a message since `before`. */
function costSince(before: NodeJS.CpuUsage, messages: number): number {
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / messages;
}

async function read(name: string, messages: number): Promise<void> {
  const subscriber = await channelOf(name).subscriber({ closeWithPublishers: true });
  let received = 0;
  let before = process.cpuUsage();
  subscriber.on('message', ({ value: { id } }) => {
    if (id !== received) throw new Error(`message ${received} has the id ${id}`);
    received++;
    if (received === WARM_UP) before = process.cpuUsage();
    if (received === WARM_UP + messages) process.stdout.write(`${costSince(before, messages)}\n`);
  });
  process.stdout.write('ready\n');
}

async function publish(name: string, messages: number): Promise<number> {
  const publisher = await channelOf(name).publisher();
  const send = async (from: number, to: number) => {
    const value: Quote = { id: 0, sym: 'AAPL', px: 187.25, qty: 100, ts: 1_700_000_000_000, side: 'buy' };
    for (let id = from; id < to; id++) {
      value.id = id;
      if (publisher.tryPublish(value) !== 'published') await publisher.publish(value);
    }
  };
  await send(0, WARM_UP);
  const before = process.cpuUsage();
  await send(WARM_UP, WARM_UP + messages);
  const cost = costSince(before, messages);
  await publisher.drain();
  return cost;
}

async function measureRound(round: number, messages: number): Promise<readonly [number, number]> {
  const name = `mmfbus-bench-${process.pid}-${round}`;
  const program = fileURLToPath(import.meta.url);
  const reader = spawn(process.execPath, [program, '--reader', name, '--messages', String(messages)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  reader.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(reader.stdout, 'data');
  const writing = await publish(name, messages);
  if (reader.exitCode === null) await once(reader, 'exit');
  return [writing, Number(output.split('\n')[1])];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

const options = {
  messages: { type: 'string', default: '2000000' },
  rounds: { type: 'string', default: '5' },
  reader: { type: 'string' },
} as const;

async function main({ values }: CommandLine<typeof options>): Promise<number> {
  const messages = wholeNumber('--messages', values.messages, 1, 1e9);
  const rounds = wholeNumber('--rounds', values.rounds, 1, 1000);
  if (values.reader !== undefined) {
    await read(values.reader, messages);
    return 0;
  }
  const costs: (readonly [number, number])[] = [];
  for (let round = 1; round <= rounds; round++) {
    const [writing, reading] = await measureRound(round, messages);
    console.log(`round ${round}: publishing ${writing.toFixed(0)} ns, reading ${reading.toFixed(0)} ns`);
    costs.push([writing, reading]);
  }
  const medians = [median(costs.map(([writing]) => writing)), median(costs.map(([, reading]) => reading))];
  console.log(
    `median:  publishing ${medians[0]?.toFixed(0)} ns, reading ${medians[1]?.toFixed(0)} ns; limit ${LIMIT} ns`,
  );
  return medians.every((cost) => cost < LIMIT) ? 0 : 1;
}

await runCommand({ name: 'object-cost', help: HELP, options }, main);
