// What subscribers cost that have nothing to do: processor time, threads, and whether they are in the way of file access.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defineChannel, type Subscriber } from '@mmfbus/channel';
import { runCommand, wholeNumber } from '@mmfbus/terminal';

const KiB = 1024;

const HELP = `Usage: npm run idle -- [options]
       node idle-cost.js [options]

Opens idle subscribers in one process, each on a channel of its own, and measures what they
cost. The exit status is 1 when they use more than 1 % of a processor core.

  --subscribers <n>   how many, 20 unless told otherwise
  --seconds <n>       how long to measure the processor time, 10 unless told otherwise
  --help              print this`;

/** Percent of a core that idle subscribers may use. */
const LIMIT = 1;
const ROUNDS = 10;
const READS_A_ROUND = 200;
/** Milliseconds in which subscribers that were just opened go to sleep. */
const SETTLING = 500;

interface Options {
  readonly subscribers: number;
  readonly seconds: number;
}

/** Subscribers that are open until they are disposed of. */
class IdleSubscribers {
  readonly #open: Subscriber<unknown>[] = [];

  async open(count: number): Promise<void> {
    for (let i = 1; i <= count; i++) {
      const channel = defineChannel({ name: `mmfbus-idle-${process.pid}-${i}`, capacity: 64 * KiB });
      const subscriber = await channel.subscriber();
      this.#open.push(subscriber);
      // Without a listener it would not wait for messages at all.
      subscriber.on('message', () => {});
    }
    await delay(SETTLING);
  }

  async close(): Promise<void> {
    for (const subscriber of this.#open.splice(0)) await subscriber.close();
  }
}

/** Threads of this process; undefined where the system does not tell. */
function threads(): number | undefined {
  try {
    return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** Reads the file again and again; adds the time of each read in microseconds to `times`. */
async function timeReads(file: string, times: number[]): Promise<void> {
  for (let i = 0; i < READS_A_ROUND; i++) {
    const start = performance.now();
    await readFile(file);
    times.push((performance.now() - start) * 1000);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Processor time of this process over that many seconds, in percent of a core. */
async function processorTime(seconds: number): Promise<number> {
  const start = performance.now();
  const before = process.cpuUsage();
  await delay(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / (performance.now() - start)) * 100;
}

async function measure(
  { subscribers, seconds }: Options,
  file: string,
  idle: IdleSubscribers,
): Promise<boolean> {
  // The first reads start the threads that Node reads files with, and compile the code.
  await timeReads(file, []);
  const without: number[] = [];
  const withThem: number[] = [];
  const threadsWithout = threads();
  for (let round = 0; round < ROUNDS; round++) {
    await timeReads(file, without);
    await idle.open(subscribers);
    await timeReads(file, withThem);
    await idle.close();
  }
  await idle.open(subscribers);
  const threadsWith = threads();
  const used = await processorTime(seconds);
  await idle.close();

  const reads = ROUNDS * READS_A_ROUND;
  console.log(
    `${subscribers} idle subscribers on ${subscribers} channels in one process, Node ${process.version}`,
  );
  console.log(
    `  processor time   ${used.toFixed(3)} % of a core, over ${seconds} s; the limit is ${LIMIT} %`,
  );
  console.log(`  readFile         median ${median(withThem).toFixed(1)} µs of ${reads} with them`);
  console.log(`                   median ${median(without).toFixed(1)} µs of ${reads} without`);
  console.log(
    `  threads          ${threadsWith ?? 'unknown'} with them, ${threadsWithout ?? 'unknown'} without`,
  );
  return used <= LIMIT;
}

async function main(options: Options): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'mmfbus-idle-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'small.txt');
  writeFileSync(file, 'a small file\n');
  const idle = new IdleSubscribers();
  try {
    return (await measure(options, file, idle)) ? 0 : 1;
  } finally {
    await idle.close();
  }
}

// Leaves through the exit hooks, which close what is open.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const options = {
  subscribers: { type: 'string', default: '20' },
  seconds: { type: 'string', default: '10' },
} as const;
await runCommand({ name: 'idle-cost', help: HELP, options }, ({ values }) =>
  main({
    subscribers: wholeNumber('--subscribers', values.subscribers, 1, 1000),
    seconds: wholeNumber('--seconds', values.seconds, 1, 1000),
  }),
);
