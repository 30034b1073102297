// What a channel costs between programs in C, and between C and Node, beside the least that any ring can cost, in one run.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CommandLine, runCommand, table, wholeNumber } from '@mmfbus/terminal';
import { compile } from '../../compat/native.js';
import { workspaceRoot } from '../../support/workspace.js';

const HELP = `Usage: npm run bench:native -- [options]

Sends frames of 64 bytes from one process to another, through a channel and through a bare ring
in C, one after the other, round after round, and prints the medians over all rounds and their
ratios to the bare rings. A bare ring has a length before each message, and nothing else of what
a channel has; "relaxed" and "ordered" are for one producer, who stores positions as cheaply as
C can, or as a channel does; "locked" is ordered, and for several producers, as a channel is:
each frame takes a lock. The publishers in C leave out the time; "with the time" they do not.
Subscribers in C that find several frames let more of them gather for a moment; bare rings do not.

  alone        nanoseconds of processor time to publish a frame, and to take it, both in one
               process: what the programs cost, also on a machine that has more to do
  throughput   nanoseconds a frame takes from process to process
  round trip   there and back: the median and the 99th percentile, looking again and again, and
               asleep in between

  --rounds <n>     7 unless told otherwise
  --frames <n>     frames a throughput, 3000000 unless told otherwise
  --bytes <n>      bytes of a message, 40 unless told otherwise: with its header a frame of 64
  --quick          one short round, to see that it works
  --help           print this`;

const WARM_UP = 50_000;
const CAPACITY = 2 ** 20;
/** Longer messages would be split. */
const MOST_BYTES = CAPACITY / 4 - 24;
const nodeSide = join(workspaceRoot, 'test', 'dist', 'bench', 'native', 'node-side.js');
const sources = join(workspaceRoot, 'test', 'bench', 'native');

interface Size {
  readonly rounds: number;
  readonly frames: number;
  readonly trips: number;
  readonly bytes: number;
}

/** One thing that is measured: it prints one number, or several. */
interface Subject {
  readonly name: string;
  /** The bare rings of the same group that it is compared with. */
  readonly bare?: readonly string[];
  measure(size: Size): Promise<readonly number[]>;
}

interface Group {
  readonly title: string;
  readonly columns: readonly string[];
  readonly subjects: readonly Subject[];
}

type Side = 'C' | 'Node';

let names = 0;

/** Runs the programs in a directory of their own. */
class Bench {
  readonly #env: NodeJS.ProcessEnv;
  readonly #channel: string;
  readonly #limit: string;

  constructor(directory: string) {
    this.#env = { ...process.env, MMFBUS_DIRECTORY: directory };
    const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
    this.#limit = compile('limit', [join(sources, 'limit.c')]);
    this.#channel = compile('channel-bench', [join(sources, 'channel_bench.c')], [include, '-pthread']);
  }

  limit(...args: readonly (string | number)[]): Promise<readonly number[]> {
    const { status, stdout, stderr } = spawnSync(this.#limit, args.map(String), { encoding: 'utf8' });
    if (status !== 0) throw new Error(`limit ${args.join(' ')} ended with status ${status}\n${stderr}`);
    return Promise.resolve(numbersOf(stdout));
  }

  async cost(frames: number, bytes: number, how: string): Promise<readonly number[]> {
    const child = this.#start('C', ['cost', this.#newName(), frames, bytes, how]);
    return numbersOf(await child.lastLine());
  }

  async throughput(from: Side, to: Side, { frames, bytes }: Size, how: string): Promise<readonly number[]> {
    const name = this.#newName();
    const receiver = this.#start(to, ['receive', name, WARM_UP, frames]);
    await receiver.ready();
    const publisher = this.#start(from, ['publish', name, WARM_UP + frames + 16, bytes, how]);
    const line = await receiver.lastLine();
    await publisher.lastLine();
    return numbersOf(line);
  }

  async roundTrip(to: Side, trips: number, asleep: boolean): Promise<readonly number[]> {
    const args = [this.#newName(), this.#newName(), trips, asleep ? 1 : 0];
    const pong = this.#start(to, ['pong', ...args]);
    await pong.ready();
    const ping = this.#start('C', ['ping', ...args]);
    await ping.ready();
    ping.begin();
    const line = await ping.lastLine();
    await pong.lastLine();
    return numbersOf(line);
  }

  #newName(): string {
    return `bench-${process.pid}-${++names}`;
  }

  #start(side: Side, args: readonly (string | number)[]): Program {
    const words = args.map(String);
    const child =
      side === 'C'
        ? spawn(this.#channel, words, { env: this.#env })
        : spawn(process.execPath, [nodeSide, ...words], { env: this.#env });
    return new Program(child, `${side} ${words.join(' ')}`);
  }
}

/** A program that says `ready`, and then what it measured. */
class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  readonly #ready: Promise<void>;

  constructor(child: ChildProcess, what: string) {
    this.#child = child;
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('a child without pipes');
    let last = '';
    let complaint = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    this.#ready = new Promise((resolve, reject) => {
      createInterface({ input: stdout }).on('line', (line) => {
        last = line;
        if (line === 'ready') resolve();
      });
      child.once('close', () => reject(new Error(`${what} ended before it was ready\n${complaint}`)));
    });
    this.#ready.catch(() => {});
    this.#ended = once(child, 'close').then(([status]) => {
      if (status !== 0) throw new Error(`${what} ended with status ${status}\n${complaint}`);
      return last;
    });
    this.#ended.catch(() => {});
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  begin(): void {
    this.#child.stdin?.end('\n');
  }

  /** What it printed last, when it has ended. */
  lastLine(): Promise<string> {
    return this.#ended;
  }
}

function numbersOf(line: string): number[] {
  return line.trim().split(' ').map(Number);
}

function groupsOf(bench: Bench): Group[] {
  const ways = { copying: 'copy', 'in place': 'place', 'with the time': 'time', 'in batches of 16': 'batch' };
  const orders = ['relaxed', 'ordered', 'locked'];
  const bare = ['ordered', 'locked'];
  const channels = Object.entries(ways);
  return [
    {
      title: 'alone',
      columns: ['publish', 'take'],
      subjects: [
        ...orders.map((order) => ({
          name: `bare ring, ${order}`,
          measure: ({ frames }: Size) => bench.limit('cost', frames, order),
        })),
        ...channels.map(([name, how]) => ({
          name: `C, ${name}`,
          bare,
          measure: ({ frames, bytes }: Size) => bench.cost(frames, bytes, how),
        })),
      ],
    },
    {
      title: 'throughput',
      columns: ['a frame'],
      subjects: [
        ...orders.map((order) => ({
          name: `bare ring, ${order}`,
          measure: ({ frames }: Size) => bench.limit(frames, CAPACITY, order),
        })),
        ...channels.map(([name, how]) => ({
          name: `C to C, ${name}`,
          bare,
          measure: (size: Size) => bench.throughput('C', 'C', size, how),
        })),
        ...(['C to Node', 'Node to C'] as const).map((name) => ({
          name,
          bare,
          measure: (size: Size) =>
            bench.throughput(
              name === 'C to Node' ? 'C' : 'Node',
              name === 'C to Node' ? 'Node' : 'C',
              size,
              'copy',
            ),
        })),
      ],
    },
    {
      title: 'round trip',
      columns: ['median', '99 %'],
      subjects: [
        ...bare.map((order) => ({
          name: `bare ring, ${order}`,
          measure: ({ trips }: Size) => bench.limit('ping', trips, order),
        })),
        ...(['C', 'Node'] as const).flatMap((side) =>
          [false, true].map((asleep) => ({
            name: `C and ${side}, ${asleep ? 'asleep' : 'looking'}`,
            bare,
            measure: ({ trips }: Size) => bench.roundTrip(side, asleep ? trips / 10 : trips, asleep),
          })),
        ),
      ],
    },
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The numbers of each subject, one list a round. */
type Results = ReadonlyMap<string, (readonly number[])[]>;

function column(results: Results, name: string, index: number): number[] {
  return (results.get(name) ?? []).map((numbers) => numbers[index] ?? Number.NaN);
}

/** Of each round the ratio in it: what disturbed the machine disturbed both. Above 1 it is faster than the bare ring. */
function ratiosOf(results: Results, { name, bare = [] }: Subject, index: number): string {
  const ours = column(results, name, index);
  const texts = bare.map((order) => {
    const theirs = column(results, `bare ring, ${order}`, index);
    const ratio = median(theirs.map((value, round) => value / (ours[round] ?? Number.NaN)));
    return `${ratio.toFixed(2)} of ${order}`;
  });
  return texts.join(', ');
}

function print({ title, columns, subjects }: Group, results: Results): void {
  const rows = subjects.map((subject) => [
    subject.name,
    ...columns.flatMap((_, index) => [
      median(column(results, subject.name, index)).toFixed(1),
      ratiosOf(results, subject, index),
    ]),
  ]);
  const headings = ['', ...columns.flatMap((name) => [name, ''])];
  const left = headings.map((_, index) => index).filter((index) => index % 2 === 0);
  console.log(`\n${title}, ns\n${table(rows, { headings, left })}`);
}

async function measure(group: Group, size: Size): Promise<Results> {
  const results = new Map<string, (readonly number[])[]>(group.subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < size.rounds; round++) {
    for (const subject of group.subjects) results.get(subject.name)?.push(await subject.measure(size));
  }
  return results;
}

const options = {
  rounds: { type: 'string', default: '7' },
  frames: { type: 'string', default: '3000000' },
  bytes: { type: 'string', default: '40' },
  quick: { type: 'boolean', default: false },
} as const;

async function main({ values }: CommandLine<typeof options>): Promise<number> {
  const bytes = wholeNumber('--bytes', values.bytes, 1, MOST_BYTES);
  const size = values.quick
    ? { rounds: 1, frames: 100_000, trips: 1000, bytes }
    : {
        rounds: wholeNumber('--rounds', values.rounds, 1, 1000),
        frames: wholeNumber('--frames', values.frames, 1, 1e9),
        trips: 50_000,
        bytes,
      };
  const directory = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'mmfbus-bench-'));
  try {
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}`);
    console.log(`frames of ${Math.ceil((size.bytes + 24) / 32) * 32} bytes, ${size.rounds} rounds`);
    for (const group of groupsOf(new Bench(directory))) print(group, await measure(group, size));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return 0;
}

await runCommand({ name: 'native-bench', help: HELP, options }, main);
