// Measures mmfbus and what people would use instead, in one run, and prints the ratios.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandLine, runCommand, StatusLine } from '@mmfbus/terminal';
import { describeMachine, versionOfProgram, versions } from './machine.js';
import { HELP, OPTIONS, type Options, readOptions } from './options.js';
import { programOf } from './peers/index.js';
import { printResults } from './report.js';
import type { Result, Results } from './results.js';
import { outcomes } from './rows.js';
import { summarise } from './statistics.js';
import { allSubjects, quickSubjects } from './subjects/index.js';
import type { Subject, Unit } from './subjects/subject.js';

/** Leaves out what cannot be measured because something is not installed; says so. */
function withoutMissing(subjects: readonly Subject[]): Subject[] {
  const missing = new Set<string>();
  const possible: Subject[] = [];
  for (const subject of subjects) {
    const program = subject.program ?? (subject.peer === undefined ? undefined : programOf(subject.peer));
    if (program === undefined || versionOfProgram(program.name) !== undefined) {
      possible.push(subject);
      continue;
    }
    const what = subject.peer ?? subject.name;
    if (missing.has(what)) continue;
    missing.add(what);
    console.error(
      `${what} is left out: there is no ${program.name}. Debian has it: apt-get install ${program.debian}`,
    );
  }
  return possible;
}

/** What was measured so far: the unit and the values of each name. */
class Collected {
  readonly #values = new Map<string, { readonly unit: Unit; readonly values: number[] }>();
  /** Names of what could not be measured. */
  readonly failed: Set<string> = new Set();

  async measure(subject: Subject, options: Options, signal: AbortSignal): Promise<void> {
    try {
      for (const { name, unit, value } of await subject.measure(signal, options.scale)) {
        const known = this.#values.get(name);
        if (known === undefined) this.#values.set(name, { unit, values: [value] });
        else known.values.push(value);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      this.failed.add(subject.name);
      console.error(`\n${subject.name} failed: ${error instanceof Error ? error.message : error}`);
    }
  }

  results(): Record<string, Result> {
    const entries = [...this.#values].map(([name, { unit, values }]) => [
      name,
      { unit, ...summarise(values) },
    ]);
    return Object.fromEntries(entries);
  }
}

/**
 * Measures each once a round, so that what changes on the machine meanwhile hits all of them alike.
 *
 * @param onRound is told of each round that is done.
 */
async function measureAll(
  options: Options,
  signal: AbortSignal,
  onRound: (collected: Collected, rounds: number) => void,
): Promise<void> {
  const chosen = (options.quick ? quickSubjects : allSubjects).filter(({ name }) =>
    name.includes(options.only),
  );
  const possible = withoutMissing(chosen);
  const collected = new Collected();
  const status = new StatusLine(process.stderr);
  for (let round = 1; round <= options.rounds; round++) {
    for (const subject of possible) {
      if (round > 1 && subject.once === true) continue;
      status.show(`round ${round} of ${options.rounds}: ${subject.name}`);
      await collected.measure(subject, options, signal);
    }
    status.clear();
    onRound(collected, round);
  }
}

function makeResults(measured: Results['results'], rounds: number, { quick, scale }: Options): Results {
  return {
    date: new Date().toISOString(),
    machine: describeMachine(),
    versions: versions(),
    rounds,
    quick,
    longRun: scale.longRun,
    goals: outcomes((name) => measured[name]?.median),
    results: measured,
  };
}

/** Does everything with another Node; what became of it. */
function runWith(node: string): number {
  const args = process.argv.slice(2);
  const at = args.findIndex((arg) => arg.startsWith('--node'));
  args.splice(at, args[at] === '--node' ? 2 : 1);
  const { status, error } = spawnSync(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' });
  if (error !== undefined) throw new Error(`${node} cannot be run: ${error.message}`, { cause: error });
  return status ?? 1;
}

async function main(commandLine: CommandLine<typeof OPTIONS>): Promise<number> {
  const options = readOptions(commandLine);
  if (options.node !== undefined) return runWith(options.node);
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  process.once('SIGTERM', () => interrupted.abort(new Error('ended')));
  const others = Object.entries(versions()).map((entry) => entry.join(' '));
  console.log(`${describeMachine()}\n${others.join(', ')}\n`);
  let failed = 0;
  await measureAll(options, interrupted.signal, (collected, rounds) => {
    const results = makeResults(collected.results(), rounds, options);
    // After each round, so that a run that is interrupted leaves those that were done.
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
    if (rounds === options.rounds) printResults(results);
    failed = collected.failed.size;
  });
  return failed === 0 ? 0 : 1;
}

// Channels of processes that are killed when this is interrupted must not stay behind.
const directory = mkdtempSync(
  join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'mmfbus-bench-channels-'),
);
process.env['MMFBUS_DIRECTORY'] = directory;
try {
  await runCommand({ name: 'bench', help: HELP, options: OPTIONS }, main);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
