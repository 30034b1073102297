/** What a segment of this format is for: values of `pattern` in its header. The names are for people. */
const PATTERN_NAMES: Readonly<Record<number, string>> = {
  1: 'channel',
  2: 'service registry',
  3: 'calls',
  4: 'replies',
  5: 'state',
  6: 'queue',
  7: 'directory',
};

export const PATTERN_CHANNEL = 1;
export const PATTERN_DIRECTORY = 7;

/** Name of a pattern, or its number where it has none. */
export function patternName(pattern: number): string {
  return PATTERN_NAMES[pattern] ?? `${pattern}`;
}
