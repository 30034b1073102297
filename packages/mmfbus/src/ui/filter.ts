import { valueLine } from '@mmfbus/terminal';
import { parseCondition } from '../command/where/condition.js';
import type { Filter } from './tail.js';

/** What a text has that is a condition, and no word to be searched. */
const CONDITION = /[=<>!$()]|\s(?:and|or|in|contains)\s|^not\s/;

/**
 * The filter of a text; undefined where it is empty: a condition as `mmfbus sub --where` takes it, or else a text that the value
 * as one line contains, whatever the case.
 *
 * @throws {UsageError} where a condition makes no sense.
 */
export function filterOf(text: string): Filter | undefined {
  const wanted = text.trim();
  if (wanted === '') return undefined;
  if (CONDITION.test(wanted)) return parseCondition(wanted).holds;
  const lower = wanted.toLowerCase();
  return ({ value }) => valueLine(value).toLowerCase().includes(lower);
}
