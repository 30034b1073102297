import { inspect } from 'node:util';
import type { Filter } from './tail.js';

/** Characters of a value that are searched. */
const SEARCHED = 100_000;

/**
 * The filter of a text; undefined where it is empty. A message matches when its value as text contains it, whatever the case.
 */
export function filterOf(text: string): Filter | undefined {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return undefined;
  return (value) => asText(value).toLowerCase().includes(wanted);
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, SEARCHED);
  return inspect(value, { depth: 8, breakLength: Infinity, maxStringLength: SEARCHED, maxArrayLength: 1000 });
}
