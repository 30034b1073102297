import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { runNode } from './child.mjs';
import { LeftoverWatch } from './leftovers.mjs';
import { installPythonMsgpack } from './python.mjs';
import { heading, printSummary, singleCheck, total } from './report.mjs';
import { cacheFolder, readJson } from './workspace.mjs';

/** @typedef {import('./report.mjs').CheckResult} CheckResult */

const summaryFile = join(cacheFolder, 'test-summary.json');
const vitestFile = join(cacheFolder, 'vitest.json');

/**
 * @param {number} status of vitest.
 * @returns {CheckResult}
 */
function vitestResult(status) {
  const name = 'tests';
  if (!existsSync(vitestFile)) return singleCheck(name, false);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = readJson(vitestFile);
  // A file that fails before its first test has no failed test to count.
  const brokenFiles = testResults.filter(
    (/** @type {any} */ file) =>
      file.status === 'failed' &&
      file.assertionResults.every((/** @type {any} */ test) => test.status !== 'failed'),
  ).length;
  const failed = numFailedTests + brokenFiles;
  // An error outside all tests shows in the exit status alone.
  return {
    name,
    passed: numPassedTests,
    failed: status !== 0 && failed === 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  };
}

/**
 * Runs the tests themselves, then looks for what they left behind.
 *
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<CheckResult[]>}
 */
async function runTests(args) {
  await installPythonMsgpack();
  heading('tests', 'vitest run');
  const leftovers = new LeftoverWatch();
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${vitestFile}`];
  const status = await runNode('node_modules/vitest/vitest.mjs', ['run', ...reporters, ...args], {
    env: leftovers.environment,
    onInterrupted: () => leftovers.endProcesses(),
  });
  heading('leftovers', 'files and processes that the tests should have removed');
  const left = await leftovers.collect();
  for (const line of left) console.error(line);
  return [vitestResult(status), singleCheck('leftovers', left.length === 0)];
}

/**
 * Runs every check; only when the sources do not compile the others are left out.
 *
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<number>} the exit status.
 */
export async function test(args) {
  mkdirSync(cacheFolder, { recursive: true });
  for (const file of [summaryFile, vitestFile]) rmSync(file, { force: true });

  const results = [singleCheck('types', (await build()) === 0)];
  if (total(results).failed === 0) {
    heading('lint', 'biome ci');
    const lint = await runNode('node_modules/@biomejs/biome/bin/biome', ['ci', '--error-on-warnings']);
    results.push(singleCheck('lint', lint === 0));
    heading('unused code', 'knip');
    const unused = await runNode('node_modules/knip/bin/knip.js', ['--no-progress']);
    results.push(singleCheck('unused code', unused === 0));
    results.push(...(await runTests(args)));
  } else {
    console.error('The other checks were left out: they need what the build makes.');
  }

  const counts = total(results);
  writeFileSync(summaryFile, `${JSON.stringify({ ...counts, checks: results }, undefined, 2)}\n`);
  printSummary(results);
  return counts.failed === 0 ? 0 : 1;
}
