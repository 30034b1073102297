// `npm run footprint`: what importing mmfbus costs, an idle subscriber of it, and its installation, beside other packages.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandLine, Progress, runCommand, table, wholeNumber } from '@mmfbus/terminal';
import type { Broker } from '../peers/broker.js';
import { startBrokerOf } from '../peers/brokers.js';
import { type Installation, install, packWorkspace } from './install.js';
import { importTime, residentMemory } from './processes.js';
import { subjects } from './subjects.js';

const HELP = `Usage: npm run footprint -- [options]
       node main.js [options]

Installs mmfbus, as it would be published, and other packages from the npm registry, each in an
empty folder. Then it measures in fresh processes, in turns, and prints medians:

  import     milliseconds that a process takes longer than bare Node when it imports the package
  memory     resident memory of a process with one idle subscriber, beyond that of bare Node
  install    size and number of the packages that npm installs

NATS is measured with a connection to nats-server where that is installed, else only imported.

  --node <path>   the Node that is measured, this one unless told otherwise
  --rounds <n>    processes for each figure, 11 unless told otherwise
  --help          print this`;

const options = {
  node: { type: 'string', default: process.execPath },
  rounds: { type: 'string', default: '11' },
} as const;

const MiB = 2 ** 20;

/**
 * A folder of a short path: where a program imports many files by long paths, Node 20 compiles the functions that take paths apart,
 * and the compiler itself takes 4 MiB.
 */
function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'mmf-'));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A NATS server on this machine; undefined where none is installed. */
async function startNats(): Promise<Broker | undefined> {
  try {
    return await startBrokerOf('NATS', tmpdir());
  } catch {
    return undefined;
  }
}

/** Measures all installations in turns. */
async function measure(installations: readonly Installation[], node: string, rounds: number) {
  const figures = installations.map((installation) => ({
    installation,
    imports: [] as number[],
    memories: [] as number[],
  }));
  const progress = new Progress('measured', figures.length * rounds, process.stderr);
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const { installation, imports, memories } of figures) {
      imports.push(await importTime(installation, node));
      memories.push(await residentMemory(installation, node));
      progress.update(++done);
    }
  }
  progress.end(done);
  return figures.map(({ installation, imports, memories }) => ({
    installation,
    time: median(imports),
    memory: median(memories),
  }));
}

async function main({ values }: CommandLine<typeof options>): Promise<number> {
  const rounds = wholeNumber('--rounds', values.rounds, 1, 1000);
  const folders = [temporaryFolder()];
  const nats = await startNats();
  try {
    const tarballs = await packWorkspace(folders[0] ?? '');
    const installations: Installation[] = [];
    for (const subject of subjects(tarballs, nats?.port)) {
      const folder = temporaryFolder();
      folders.push(folder);
      installations.push(await install(subject, folder));
    }
    const [bare, ...others] = await measure(installations, values.node, rounds);
    if (bare === undefined) return 1;
    const rows = others.map(({ installation, time, memory }) => [
      `${installation.subject.name} ${installation.version}`,
      `${(time - bare.time).toFixed(1)} ms`,
      `${((memory - bare.memory) / MiB).toFixed(1)} MiB`,
      `${(installation.size / MiB).toFixed(1)} MiB`,
      `${installation.packages}`,
    ]);
    rows.unshift([
      'bare Node',
      `${bare.time.toFixed(1)} ms`,
      `${(bare.memory / MiB).toFixed(1)} MiB`,
      '',
      '',
    ]);
    const headings = ['beyond bare Node', 'import', 'memory', 'install', 'packages'];
    console.log(table(rows, { headings }));
    return 0;
  } finally {
    await nats?.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

await runCommand({ name: 'footprint', help: HELP, options }, main);
