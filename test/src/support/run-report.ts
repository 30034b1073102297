import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason, Vitest } from 'vitest/node';
import { LeftoverWatch } from './leftover-watch.js';

/** The exit status of a program that was ended by SIGTERM, as shells say it. */
const ENDED = 143;

/** How many lines of each error the summary keeps. */
const ERROR_LINES = 12;

/** How many tests of a run passed, failed and were skipped, and what failed, as in the summary that `.ci/run` reads. */
interface Summary {
  passed: number;
  failed: number;
  skipped: number;
  /** A text for each failure: its place, then its errors. Long output hides them where they happened. */
  failures: string[];
}

/** Options of {@link RunReport}. */
interface RunReportOptions {
  /** Paths of summaries, by the names of projects. A run that includes projects with different ones writes none. */
  readonly summaries: Readonly<Record<string, string>>;
}

/**
 * What the reporters of vitest leave out: which tools were missing, which files and processes the tests left behind, and a
 * summary in a file. vitest finds it by its path.
 */
export default class RunReport implements Reporter {
  readonly #summaries: Readonly<Record<string, string>>;
  #summaryFile: string | undefined;
  #leftovers: LeftoverWatch | undefined;

  constructor({ summaries }: RunReportOptions) {
    this.#summaries = summaries;
  }

  onInit(vitest: Vitest): void {
    const files = new Set(vitest.projects.map(({ name }) => this.#summaries[name]));
    this.#summaryFile = files.size === 1 ? [...files][0] : undefined;
    // No run may be taken for the one before.
    if (this.#summaryFile !== undefined) rmSync(this.#summaryFile, { force: true });
    const leftovers = new LeftoverWatch();
    this.#leftovers = leftovers;
    // An interrupt leaves out the end of the run.
    process.once('exit', () => leftovers.endProcesses());
    endWithShell();
  }

  async onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    printMissingTools(tests);
    const left = (await this.#leftovers?.collect()) ?? [];
    for (const line of left) console.error(`left behind: ${line}`);
    if (left.length > 0) process.exitCode = 1;
    if (this.#summaryFile === undefined) return;

    const summary = count(tests);
    if (left.length > 0) addFailure(summary, ['left behind:', ...left].join('\n  '));
    for (const module of modules) {
      // Of a file that does not load no test has failed.
      if (module.state() === 'failed' && !hasFailedTest(module)) addFailure(summary, failureOf(module));
    }
    for (const { message } of errors) summary.failures.push(`outside all tests\n${indented(message)}`);
    if (summary.failed === 0 && (reason !== 'passed' || errors.length > 0)) summary.failed = 1;
    mkdirSync(dirname(this.#summaryFile), { recursive: true });
    writeFileSync(this.#summaryFile, `${JSON.stringify(summary, undefined, 2)}\n`);
  }
}

/**
 * Ends this process when the shell that npm started it with is gone: npm passes a SIGTERM on to that shell alone, and the
 * shell does not.
 */
function endWithShell(): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const shell = process.ppid;
  setInterval(() => {
    if (process.ppid !== shell) process.exit(ENDED);
  }, 1000).unref();
}

function count(tests: readonly TestCase[]): Summary {
  const summary: Summary = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const test of tests) {
    const { state } = test.result();
    // One that is still pending when the run ends was interrupted.
    if (state === 'pending') continue;
    if (state === 'failed') addFailure(summary, failureOf(test));
    else summary[state]++;
  }
  return summary;
}

function addFailure(summary: Summary, failure: string): void {
  summary.failed++;
  summary.failures.push(failure);
}

function failureOf(failed: TestCase | TestModule): string {
  const isTest = failed.type === 'test';
  const place = isTest ? `${failed.module.relativeModuleId} > ${failed.fullName}` : failed.relativeModuleId;
  const errors = (isTest ? failed.result().errors : failed.errors()) ?? [];
  return [place, ...errors.map(({ message }) => indented(message))].join('\n');
}

function indented(message: string): string {
  return message
    .split('\n', ERROR_LINES)
    .map((line) => `  ${line}`)
    .join('\n');
}

function hasFailedTest(module: TestModule): boolean {
  return !module.children.allTests('failed').next().done;
}

function printMissingTools(tests: readonly TestCase[]): void {
  const counts = new Map<string, number>();
  for (const test of tests) {
    const { missingTool } = test.meta();
    if (missingTool !== undefined) counts.set(missingTool, (counts.get(missingTool) ?? 0) + 1);
  }
  for (const [tool, skipped] of counts) console.log(`${skipped} skipped: ${tool}`);
}
