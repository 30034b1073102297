// The tests of the packages, and those with real processes, as Windows programs; arguments go to vitest.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeTree, nodeExe, programs, tree } from './tree.mjs';
import { endWine, heading, installWine, makePrefix, root, windowsFolder, wineEnvironment } from './wine.mjs';

/** As the configuration of vitest beside this file names it. */
const writtenSummary = join(tree, 'summary.json');
const summary = join(root, '.cache', 'test-windows-summary.json');
const outputFile = join(windowsFolder, 'output.txt');
/** After this the run has hung, minutes. */
const WATCHDOG = 30;

/**
 * Runs vitest as a Windows program. Its output goes to a file: Windows programs cannot write to a pipe of Linux.
 *
 * @returns {Promise<number>} its exit status.
 */
async function runVitest() {
  const output = openSync(outputFile, 'w');
  const args = [nodeExe, 'node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)];
  const child = spawn('wine', args, {
    cwd: tree,
    env: { ...process.env, ...wineEnvironment, NO_COLOR: '1', MMFBUS_TEST_PROGRAMS: `Z:${programs}` },
    stdio: ['ignore', output, output],
  });
  const watchdog = setTimeout(() => {
    console.error(`The tests have not ended after ${WATCHDOG} minutes; they are killed.`);
    child.kill('SIGKILL');
  }, WATCHDOG * 60_000);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => child.kill('SIGKILL'));
  const [status] = await once(child, 'close');
  clearTimeout(watchdog);
  closeSync(output);
  console.log(readFileSync(outputFile, 'utf8'));
  return status ?? 1;
}

rmSync(summary, { force: true });
installWine();
makePrefix();
makeTree();
heading('vitest run, by Wine');
try {
  process.exitCode = await runVitest();
} finally {
  endWine();
}
if (existsSync(writtenSummary)) copyFileSync(writtenSummary, summary);
