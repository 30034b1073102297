let count = 0;

/**
 * A channel or mapping name that no other test, run or program uses. It says whose it is: the check for leftovers reads
 * the process number.
 *
 * @param label what it is for; letters, digits, `.`, `_` and `-`.
 */
export function uniqueName(label = 'name'): string {
  return `mmfbus-test-${process.pid}-${++count}-${label}`;
}
