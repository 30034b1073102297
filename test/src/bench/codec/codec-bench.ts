// What encoding and decoding cost, ours and others', in nanoseconds, all in one run.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type CommandLine, runCommand, table, UsageError, wholeNumber } from '@mmfbus/terminal';
import { type BenchCase, cases } from './cases.js';
import { end, type Rival, rivalsFor } from './rivals.js';

const HELP = `Usage: npm run bench:codec -- [options]
       node codec-bench.js [options]

Measures encoding and decoding of five kinds of values by our shapes, msgpackr (maps and
records), @msgpack/msgpack, JSON and protobufjs. Each kind runs in processes of its own; there
the rivals take turns, and the medians over all turns are printed. The exit status is 1 when
ours is slower than msgpackr with maps anywhere.

  --processes <n>   processes for each kind, 3 unless told otherwise
  --rounds <n>      turns in each process, 31 unless told otherwise
  --only <kind>     one of ${Object.keys(cases).join(', ')}
  --help            print this`;

/** Nanoseconds that one turn lasts at least. */
const TURN = 3e6;
/** Values that are taken in turn, a power of two: what is always the same is not what programs send. */
const VALUES = 64;

interface Timing {
  readonly name: string;
  readonly bytes: number;
  /** Nanoseconds for one value, one entry a turn. */
  readonly encode: number[];
  readonly decode: number[];
}

/** Calls `work` with each of the items in turn, `count` times in all; returns something that depends on the results. */
type Loop = (work: (item: never) => unknown, items: readonly unknown[], count: number) => number;

/**
 * Makes a loop that no other rival uses. In a shared one the compiler would meet the functions of all rivals, inline none, and
 * the cost of the calls would be measured as well.
 */
function makeLoop(): Loop {
  return new Function(
    'work',
    'items',
    'count',
    `let objects = 0;
    for (let index = 0; index < count; index++) {
      if (typeof work(items[index & ${VALUES - 1}]) === 'object') objects++;
    }
    return objects;`,
  ) as Loop;
}

/** Times one function again and again. */
class Stopwatch {
  readonly times: number[] = [];
  readonly #loop = makeLoop();
  readonly #work: (item: never) => unknown;
  readonly #items: readonly unknown[];
  readonly #count: number;

  constructor(work: (item: never) => unknown, items: readonly unknown[]) {
    this.#work = work;
    this.#items = items;
    // Long enough for the compiler to have done its work, and to know how many calls fill a turn.
    this.#time(20_000);
    this.#count = Math.ceil(TURN / this.#time(5_000));
  }

  turn(): void {
    this.times.push(this.#time(this.#count));
  }

  /** Nanoseconds for each of `count` calls. */
  #time(count: number): number {
    const start = process.hrtime.bigint();
    const objects = this.#loop(this.#work, this.#items, count);
    const taken = Number(process.hrtime.bigint() - start) / count;
    if (objects !== count) throw new Error('something else than an object came out');
    return taken;
  }
}

class Runner {
  readonly name: string;
  readonly bytes: number;
  readonly #encoding: Stopwatch;
  readonly #decoding: Stopwatch;

  constructor(rival: Rival, bench: BenchCase) {
    const values = Array.from({ length: VALUES }, (_, index) => bench.make(index));
    const encoded = values.map((value) => {
      const bytes = rival.encode(value);
      return Buffer.from(rival.name === 'shape' ? bytes.subarray(0, end) : bytes);
    });
    this.name = rival.name;
    this.bytes = Math.round(encoded.reduce((sum, { length }) => sum + length, 0) / VALUES);
    this.#encoding = new Stopwatch(rival.encode, values);
    this.#decoding = new Stopwatch(rival.decode, encoded);
  }

  turn(): void {
    this.#encoding.turn();
    this.#decoding.turn();
  }

  timing(): Timing {
    return { name: this.name, bytes: this.bytes, encode: this.#encoding.times, decode: this.#decoding.times };
  }
}

/** What one process measures of one kind. */
function measure(bench: BenchCase, rounds: number): Timing[] {
  const runners = rivalsFor(bench).map((rival) => new Runner(rival, bench));
  for (let round = 0; round < rounds; round++) {
    for (const index of runners.keys()) runners[(index + round) % runners.length]!.turn();
  }
  return runners.map((runner) => runner.timing());
}

function measureInProcesses(kind: string, processes: number, rounds: number): Timing[] {
  let all: Timing[] | undefined;
  for (let run = 0; run < processes; run++) {
    const args = [fileURLToPath(import.meta.url), '--child', kind, '--rounds', String(rounds)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`measuring ${kind} ended with status ${status}:\n${stderr}`);
    const timings = JSON.parse(stdout) as Timing[];
    all ??= timings.map(({ name, bytes }) => ({ name, bytes, encode: [], decode: [] }));
    for (const [index, timing] of timings.entries()) {
      all[index]!.encode.push(...timing.encode);
      all[index]!.decode.push(...timing.decode);
    }
  }
  return all ?? [];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Prints what was measured; returns whether ours is nowhere slower than msgpackr with maps. */
function print(kind: string, timings: readonly Timing[]): boolean {
  const [ours] = timings;
  const rows = timings.map(({ name, bytes, encode, decode }) => {
    const [encodeTime, decodeTime] = [median(encode), median(decode)];
    return [
      name,
      String(bytes),
      encodeTime.toFixed(0),
      decodeTime.toFixed(0),
      (encodeTime / median(ours!.encode)).toFixed(1),
      (decodeTime / median(ours!.decode)).toFixed(1),
    ];
  });
  const headings = ['', 'bytes', 'encode ns', 'decode ns', 'encode ×', 'decode ×'];
  console.log(`\n${kind}: ${cases[kind]!.what}\n${table(rows, { headings })}`);
  const maps = timings.find(({ name }) => name === 'msgpackr maps')!;
  return median(ours!.encode) <= median(maps.encode) && median(ours!.decode) <= median(maps.decode);
}

const options = {
  processes: { type: 'string', default: '3' },
  rounds: { type: 'string', default: '31' },
  only: { type: 'string' },
  child: { type: 'string' },
} as const;

function main({ values }: CommandLine<typeof options>): number {
  const rounds = wholeNumber('--rounds', values.rounds, 1, 1000);
  const processes = wholeNumber('--processes', values.processes, 1, 1000);
  const chosen = values.child ?? values.only;
  if (chosen !== undefined && !Object.hasOwn(cases, chosen)) {
    throw new UsageError(`there is no kind ${JSON.stringify(chosen)}`);
  }
  if (values.child !== undefined) {
    console.log(JSON.stringify(measure(cases[values.child]!, rounds)));
    return 0;
  }
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; medians of ${processes} processes, ${rounds} turns each; × compares with ours`,
  );
  const kinds = chosen === undefined ? Object.keys(cases) : [chosen];
  const wins = kinds.map((kind) => print(kind, measureInProcesses(kind, processes, rounds)));
  return wins.every(Boolean) ? 0 : 1;
}

await runCommand({ name: 'codec-bench', help: HELP, options }, main);
