import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';

/** The program of `npm run bench`. */
export const benchProgram: string = join(workspaceRoot, 'test', 'bench', 'dist', 'main.js');

/** What tests read of the results of a run. */
export interface BenchRun {
  readonly results: Readonly<Record<string, { readonly unit: string; readonly median: number }>>;
  readonly goals: readonly { readonly title: string; readonly measured: string; readonly reached: string }[];
  /** What it said besides. */
  readonly stderr: string;
}

/** The file that {@link runBench} has written last. */
export const benchResults: string = join(temporaryFolder('bench'), 'results.json');

/** Options of {@link runBench}. */
interface Options {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Milliseconds after which a run hangs. */
const WATCHDOG = 300_000;

/** Measures once what has that text in its name. It fails where a measurement does, be it by one wrong answer. */
export async function runBench(only: string, { args = [], env = {} }: Options = {}): Promise<BenchRun> {
  const program = startNode(benchProgram, {
    args: ['--rounds', '1', '--only', only, '--json', benchResults, ...args],
    env,
    watchdog: WATCHDOG,
  });
  const { status, stderr } = await program.exit();
  if (status !== 0) throw new Error(`the benchmark ended with ${status}: ${stderr}`);
  return { ...(JSON.parse(readFileSync(benchResults, 'utf8')) as Omit<BenchRun, 'stderr'>), stderr };
}
