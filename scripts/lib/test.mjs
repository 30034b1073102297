import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { runNode } from './child.mjs';
import { LeftoverWatch } from './leftovers.mjs';
import { heading, printSummary, singleCheck, total } from './report.mjs';
import { cacheFolder, readJson } from './workspace.mjs';

/** @typedef {import('./report.mjs').CheckResult} CheckResult */
/** @typedef {{ project: 'fast' | 'proofs', summary: string, other: string }} TestSet */

/** What `npm test` runs. @type {TestSet} */
const fast = { project: 'fast', summary: 'test-summary.json', other: 'npm run test:proofs' };
/** What `npm run test:proofs` runs. @type {TestSet} */
const proofs = { project: 'proofs', summary: 'test-proofs-summary.json', other: 'npm test' };

const vitestFile = join(cacheFolder, 'vitest.json');

/** Says which tools were missing, and how many tests were skipped for each. @param {readonly any[]} files of vitest's report. */
function printMissingTools(files) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { meta } of files.flatMap((file) => file.assertionResults)) {
    if (meta.missingTool !== undefined) counts.set(meta.missingTool, (counts.get(meta.missingTool) ?? 0) + 1);
  }
  for (const [text, count] of counts) console.log(`${count} skipped: ${text}`);
}

/**
 * @param {number} status of vitest.
 * @returns {CheckResult}
 */
function vitestResult(status) {
  const name = 'tests';
  if (!existsSync(vitestFile)) return singleCheck(name, false);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = readJson(vitestFile);
  printMissingTools(testResults);
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
 * @param {TestSet} set
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<CheckResult[]>}
 */
async function runTests({ project, other }, args) {
  heading('tests', `vitest run --project ${project}`);
  const leftovers = new LeftoverWatch();
  const options = [
    `--project=${project}`,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${vitestFile}`,
  ];
  const status = await runNode('node_modules/vitest/vitest.mjs', ['run', ...options, ...args], {
    env: leftovers.environment,
    onInterrupted: () => leftovers.endProcesses(),
  });
  const hasRun = existsSync(vitestFile) && readJson(vitestFile).numTotalTests > 0;
  if (!hasRun && args.length > 0) console.error(`Other tests, which may match, are run by: ${other}`);
  const tests = vitestResult(status);
  heading('leftovers', 'files and processes that the tests should have removed');
  const left = await leftovers.collect();
  for (const line of left) console.error(line);
  return [tests, singleCheck('leftovers', left.length === 0)];
}

/** @returns {Promise<CheckResult[]>} of what looks at the sources only. */
async function checkSources() {
  heading('lint', 'biome ci');
  const lint = await runNode('node_modules/@biomejs/biome/bin/biome', ['ci', '--error-on-warnings']);
  heading('unused code', 'knip');
  const unused = await runNode('node_modules/knip/bin/knip.js', ['--no-progress']);
  return [singleCheck('lint', lint === 0), singleCheck('unused code', unused === 0)];
}

/**
 * Runs the checks; only when the sources do not compile all but the first are left out.
 *
 * @param {TestSet} set
 * @param {(() => Promise<CheckResult[]>)[]} checks after the build.
 * @returns {Promise<number>} the exit status.
 */
async function runChecks({ summary }, checks) {
  const summaryFile = join(cacheFolder, summary);
  mkdirSync(cacheFolder, { recursive: true });
  for (const file of [summaryFile, vitestFile]) rmSync(file, { force: true });

  const results = [singleCheck('types', (await build()) === 0)];
  if (total(results).failed === 0) {
    for (const check of checks) results.push(...(await check()));
  } else {
    console.error('The other checks were left out: they need what the build makes.');
  }

  const counts = total(results);
  writeFileSync(summaryFile, `${JSON.stringify({ ...counts, checks: results }, undefined, 2)}\n`);
  printSummary(results);
  return counts.failed === 0 ? 0 : 1;
}

/**
 * Runs every check but the proofs.
 *
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<number>} the exit status.
 */
export function test(args) {
  return runChecks(fast, [checkSources, () => runTests(fast, args)]);
}

/**
 * Runs the tests that take minutes.
 *
 * @param {readonly string[]} args for vitest.
 * @returns {Promise<number>} the exit status.
 */
export function testProofs(args) {
  return runChecks(proofs, [() => runTests(proofs, args)]);
}
