import { inboxRegion, mailboxRegion } from './call-layout.js';

/** What a segment of this format is for: a value of `pattern` in its header. */
interface Pattern {
  /** For people. */
  readonly name: string;
  /** Bytes behind the participants that the pattern uses for itself. Defaults to none. */
  readonly region?: (participantCount: number) => number;
}

const PATTERNS: Readonly<Record<number, Pattern>> = {
  1: { name: 'channel' },
  2: { name: 'service registry' },
  3: { name: 'calls', region: inboxRegion },
  4: { name: 'replies', region: mailboxRegion },
  5: { name: 'state' },
  6: { name: 'queue' },
  7: { name: 'directory' },
};

export const PATTERN_CHANNEL = 1;
export const PATTERN_REGISTRY = 2;
export const PATTERN_CALLS = 3;
export const PATTERN_REPLIES = 4;
export const PATTERN_DIRECTORY = 7;

/** Name of a pattern, or its number where it has none. */
export function patternName(pattern: number): string {
  return PATTERNS[pattern]?.name ?? `${pattern}`;
}

/** Bytes that a segment of that pattern has right behind its participants, before its schema, at least. */
export function patternRegion(pattern: number, participantCount: number): number {
  return PATTERNS[pattern]?.region?.(participantCount) ?? 0;
}
