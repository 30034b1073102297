// Measures mmfbus and what people would use instead, in one run, and prints the ratios.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine, versionOfProgram, versions } from './machine.js';
import { type Options, readOptions } from './options.js';
import { peerNamed } from './peers/index.js';
import { printResults } from './report.js';
import type { Result, Results } from './results.js';
import { outcomes } from './rows.js';
import { summarise } from './statistics.js';
import { allSubjects, quickSubjects } from './subjects/index.js';
import type { Subject, Unit } from './subjects/subject.js';

/** Those of the peers whose servers are not installed; says so. */
async function unavailablePeers(subjects: readonly Subject[]): Promise<Set<string>> {
  const unavailable = new Set<string>();
  for (const name of new Set(subjects.flatMap(({ peer }) => peer ?? []))) {
    const { program } = await peerNamed(name);
    if (program === undefined || versionOfProgram(program.name) !== undefined) continue;
    unavailable.add(name);
    console.error(
      `${name} is left out: there is no ${program.name}. Debian has it: apt-get install ${program.debian}`,
    );
  }
  return unavailable;
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

/** Overwrites the last one on a terminal; a file has them one below the other. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}

/** Measures each once a round, so that what changes on the machine meanwhile hits all of them alike. */
async function measureAll(options: Options, signal: AbortSignal): Promise<Collected> {
  const chosen = (options.quick ? quickSubjects : allSubjects).filter(({ name }) =>
    name.includes(options.only),
  );
  const unavailable = await unavailablePeers(chosen);
  const measured = chosen.filter(({ peer = '' }) => !unavailable.has(peer));
  const collected = new Collected();
  for (let round = 1; round <= options.rounds; round++) {
    for (const subject of measured) {
      if (round > 1 && subject.once === true) continue;
      showProgress(`round ${round} of ${options.rounds}: ${subject.name}`);
      await collected.measure(subject, options, signal);
    }
  }
  showProgress('');
  return collected;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 0;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  process.once('SIGTERM', () => interrupted.abort(new Error('ended')));
  const { quick, rounds, scale, json } = options;
  const machine = describeMachine();
  const others = Object.entries(versions()).map((entry) => entry.join(' '));
  console.log(`${machine}\n${others.join(', ')}\n`);
  const collected = await measureAll(options, interrupted.signal);
  const measured = collected.results();
  const results: Results = {
    date: new Date().toISOString(),
    machine,
    versions: versions(),
    rounds,
    quick,
    longRun: scale.longRun,
    goals: outcomes((name) => measured[name]?.median),
    results: measured,
  };
  printResults(results);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 2)}\n`);
  return collected.failed.size === 0 ? 0 : 1;
}

// Channels of processes that are killed when this is interrupted must not stay behind.
const directory = mkdtempSync(
  join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'mmfbus-bench-channels-'),
);
process.env['MMFBUS_DIRECTORY'] = directory;
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
