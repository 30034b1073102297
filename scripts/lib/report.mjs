/**
 * @typedef {{ name: string, passed: number, failed: number, skipped: number }} CheckResult
 */

/**
 * Says what begins now.
 *
 * @param {string} step
 * @param {string} what
 */
export function heading(step, what) {
  console.log(`== ${step}: ${what}`);
}

/**
 * @param {string} name
 * @param {boolean} ok
 * @returns {CheckResult}
 */
export function singleCheck(name, ok) {
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** @param {readonly CheckResult[]} results */
export function total(results) {
  /** @param {'passed' | 'failed' | 'skipped'} key */
  const sum = (key) => results.reduce((count, result) => count + result[key], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

/** @param {readonly CheckResult[]} results */
export function printSummary(results) {
  /** @param {readonly (string | number)[]} cells */
  const row = ([name, ...counts]) =>
    String(name).padEnd(14) + counts.map((count) => String(count).padStart(9)).join('');
  console.log(`\n${row(['check', 'passed', 'failed', 'skipped'])}`);
  for (const { name, passed, failed, skipped } of results) console.log(row([name, passed, failed, skipped]));
  const { passed, failed } = total(results);
  console.log(`\n${passed} passed, ${failed} failed`);
}
