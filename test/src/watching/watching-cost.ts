// What watching costs: a publisher at full speed, watched by `mmfbus sub`, `mmfbus top` and the live page, and an idle live page.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommandLine, Progress, runCommand, UsageError, wholeNumber } from '@mmfbus/terminal';
import { chromium, type Page } from 'playwright-core';
import { commandOf } from '../support/tools.js';
import { packageFolder, workspaceRoot } from '../support/workspace.js';

const HELP = `Usage: npm run watching -- [options]
       node watching-cost.js [options]

A program publishes typed objects as fast as it can, in turns alone and watched by mmfbus sub,
mmfbus top and the page of mmfbus ui in Chromium, all at once. Prints the median of the
rates and of their ratios, and the processor time of mmfbus ui while nothing is published.
Linux with Chromium and script only.

  --rounds <n>    turns of each kind, 9 unless told otherwise
  --seconds <n>   how long a turn is measured, 3 unless told otherwise
  --by <names>    who watches: some of sub,top,page, all of them unless told otherwise
  --help          print this`;

const options = {
  rounds: { type: 'string', default: '9' },
  seconds: { type: 'string', default: '3' },
  by: { type: 'string', default: 'sub,top,page' },
} as const;

const COMMAND = join(packageFolder('mmfbus'), 'bin', 'mmfbus.js');
const CHANNEL = 'watched';
const WATCHERS: readonly string[] = ['sub', 'top', 'page'];
/** Milliseconds in which what was started or stopped comes to rest. */
const SETTLING = 1_000;
/** Ticks of a second in `/proc/PID/stat`. */
const TICKS = 100;

const PUBLISHER = `
  import { createInterface } from 'node:readline';
  import { defineChannel } from '@mmfbus/channel';
  import { f64, string, struct, u32 } from '@mmfbus/codec';
  const schema = struct({ id: u32(), symbol: string(), price: f64(), quantity: u32() });
  const publisher = await defineChannel({ name: '${CHANNEL}', schema }).publisher({ name: 'feed' });
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const seconds = Number(line);
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < seconds * 1000) {
      for (let burst = 0; burst < 1000; burst++, count++) {
        publisher.tryPublish({ id: count, symbol: 'AAPL', price: 187.25, quantity: 100 });
      }
    }
    console.log(count / ((performance.now() - begin) / 1000));
  }
  await publisher.close();
`;

const children: ChildProcess[] = [];

function start(file: string, args: readonly string[], output: 'pipe' | 'ignore'): ChildProcess {
  const child = spawn(file, args, { cwd: join(workspaceRoot, 'test'), stdio: ['pipe', output, 'inherit'] });
  children.push(child);
  return child;
}

/** The next line that a program prints. */
function lineReader(child: ChildProcess): () => Promise<string> {
  if (child.stdout === null) throw new Error('its output is not read');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${child.spawnfile} has ended`);
    return value;
  };
}

/** Seconds of processor time that a process has taken so far. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** What looks at the channel, all at once. */
class Watchers {
  readonly #page: Page;
  readonly #address: string | undefined;
  readonly #programs: readonly ChildProcess[];

  /** @param address what the page shows, undefined where it is not among them. */
  constructor(by: readonly string[], page: Page, address: string) {
    this.#page = page;
    this.#address = by.includes('page') ? address : undefined;
    const programs = {
      sub: () => start(process.execPath, [COMMAND, 'sub', CHANNEL, '--json'], 'ignore'),
      top: () => start('script', ['-qefc', `${process.execPath} ${COMMAND} top`, '/dev/null'], 'ignore'),
    };
    this.#programs = Object.entries(programs).flatMap(([name, run]) => (by.includes(name) ? [run()] : []));
  }

  async resume(): Promise<void> {
    for (const { pid } of this.#programs) signalTree(pid, 'SIGCONT');
    if (this.#address !== undefined) {
      await this.#page.goto(this.#address);
      await this.#page.locator('.status.live').waitFor();
    }
    await delay(SETTLING);
  }

  async pause(): Promise<void> {
    await this.#page.goto('about:blank');
    for (const { pid } of this.#programs) signalTree(pid, 'SIGSTOP');
    await delay(SETTLING);
  }
}

/** Sends a signal to a process and to its children. */
function signalTree(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  const below = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  for (const child of below.filter((one) => one !== '')) signalTree(Number(child), signal);
  process.kill(pid, signal);
}

async function main({ values }: CommandLine<typeof options>): Promise<number> {
  const rounds = wholeNumber('--rounds', values.rounds, 1, 1000);
  const seconds = wholeNumber('--seconds', values.seconds, 1, 60);
  const by = values.by.split(',');
  const unknown = by.find((name) => !WATCHERS.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`--by takes some of ${WATCHERS}, not ${JSON.stringify(unknown)}`);
  const directory = mkdtempSync(join(tmpdir(), 'mmfbus-watching-'));
  process.env['MMFBUS_DIRECTORY'] = directory;
  const browser = await chromium.launch({
    executablePath: commandOf('Chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const publisher = start(process.execPath, ['--input-type=module', '--eval', PUBLISHER], 'pipe');
    const nextLine = lineReader(publisher);
    await nextLine();
    const publish = async () => {
      publisher.stdin?.write(`${seconds}\n`);
      return Number(await nextLine());
    };
    const ui = start(process.execPath, [COMMAND, 'ui', '--json'], 'pipe');
    const { address } = JSON.parse(await lineReader(ui)()) as { address: string };
    const page = await (await browser.newContext()).newPage();
    // Lets this browser in; from then on its cookie does.
    await page.goto(address);
    await page.locator('.status.live').waitFor();
    const idle = await idleTime(ui, 10);
    const watchers = new Watchers(by, page, `${new URL(address).origin}/channel?name=${CHANNEL}`);
    await watchers.pause();
    await publish();
    const [alone, watched]: [number[], number[]] = [[], []];
    const progress = new Progress('measured', rounds, process.stderr);
    for (let round = 0; round < rounds; round++) {
      alone.push(await publish());
      await watchers.resume();
      watched.push(await publish());
      await watchers.pause();
      progress.update(round + 1);
    }
    progress.end(rounds);
    const ratios = watched.map((rate, round) => rate / (alone[round] ?? Number.NaN));
    const rate = (perSecond: number) => `${(perSecond / 1e6).toFixed(2)} M/s`;
    console.log(`alone    ${rate(median(alone))}`);
    console.log(`watched  ${rate(median(watched))}, ${((median(ratios) - 1) * 100).toFixed(1)} %`);
    console.log(`mmfbus ui with a page open and nothing published: ${(idle * 100).toFixed(2)} % of a core`);
    return 0;
  } finally {
    await browser.close();
    for (const { pid } of children) signalTree(pid, 'SIGCONT');
    for (const child of children) child.kill();
    await Promise.all(children.map(ended));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** The part of a core that a process takes. */
async function idleTime({ pid }: ChildProcess, seconds: number): Promise<number> {
  if (pid === undefined) throw new Error('mmfbus ui was not started');
  await delay(SETTLING);
  const before = processorTime(pid);
  await delay(seconds * 1000);
  return (processorTime(pid) - before) / seconds;
}

await runCommand({ name: 'watching', help: HELP, options }, main);
