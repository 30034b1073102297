import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { heading, printSummary, singleCheck } from '../lib/report.mjs';
import { cacheFolder, readJson } from '../lib/workspace.mjs';
import { agentExe, makeTree, nodeExe, peerExe, tree } from './tree.mjs';
import { endWine, installWine, makePrefix, windowsFolder, wineEnvironment } from './wine.mjs';

const summaryFile = join(cacheFolder, 'test-windows-summary.json');
const reportName = 'vitest.json';
const outputFile = join(windowsFolder, 'output.txt');
/** After this the run has hung, minutes. */
const WATCHDOG = 30;

/**
 * Runs vitest as a Windows program. Its output goes to a file: Windows programs cannot write to a pipe of Linux.
 *
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<number>}
 */
function runVitest(args) {
  const output = openSync(outputFile, 'w');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportName}`];
  const programs = { MMFBUS_TEST_PEER: `Z:${peerExe}`, MMFBUS_TEST_AGENT: `Z:${agentExe}` };
  const child = spawn('wine', [nodeExe, 'node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args], {
    cwd: tree,
    env: { ...process.env, ...wineEnvironment, NO_COLOR: '1', ...programs },
    stdio: ['ignore', output, output],
  });
  const watchdog = setTimeout(() => {
    console.error(`The tests have not ended after ${WATCHDOG} minutes; they are killed.`);
    child.kill('SIGKILL');
  }, WATCHDOG * 60_000);
  const interrupt = () => child.kill('SIGKILL');
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(watchdog);
      process.removeListener('SIGINT', interrupt);
      process.removeListener('SIGTERM', interrupt);
      closeSync(output);
      console.log(readFileSync(outputFile, 'utf8'));
      resolve(status ?? 1);
    });
  });
}

/** @param {number} status of vitest. */
function resultOf(status) {
  const report = join(tree, reportName);
  if (!existsSync(report)) return singleCheck('windows', false);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = readJson(report);
  return {
    name: 'windows',
    passed: numPassedTests,
    failed: status !== 0 && numFailedTests === 0 ? 1 : numFailedTests,
    skipped: numPendingTests + numTodoTests,
  };
}

/**
 * Runs the tests of the packages, and those with real processes, as Windows programs.
 *
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<number>} the exit status.
 */
export async function testWindows(args) {
  rmSync(summaryFile, { force: true });
  await installWine();
  await makePrefix();
  await makeTree();
  rmSync(join(tree, reportName), { force: true });
  heading('windows', 'vitest run, by Wine');
  try {
    const result = resultOf(await runVitest(args));
    writeFileSync(summaryFile, `${JSON.stringify(result, undefined, 2)}\n`);
    printSummary([result]);
    return result.failed === 0 ? 0 : 1;
  } finally {
    await endWine();
  }
}
