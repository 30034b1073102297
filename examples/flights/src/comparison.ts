import { table } from '@mmfbus/terminal';
import type { Child } from './child.js';
import { count, duration, rate } from './units.js';

const HEADINGS = ['process', 'count', 'checksum', 'messages/s', 'p50', 'p99', 'outcome'];
/** The first column and the last. */
const LEFT = [0, HEADINGS.length - 1];

/** What the launcher concludes at the end. */
export interface Comparison {
  /** The table, with what it means below. */
  readonly text: string;
  /** Whether all ended well and received exactly what was published. */
  readonly equal: boolean;
}

/**
 * Compares what the subscribers received with what was published.
 *
 * @param publisher undefined when it was never started.
 */
export function compare(publisher: Child | undefined, subscribers: readonly Child[]): Comparison {
  const published = publisher?.result;
  const outcomeOf = (child: Child): string => {
    const { result, failure } = child;
    if (failure !== undefined) return failure;
    if (result === undefined) return 'no result';
    if (child === publisher) return 'published';
    if (published === undefined) return 'nothing to compare';
    const equal = result.count === published.count && result.checksum === published.checksum;
    return equal ? 'equal' : 'DIFFERENT';
  };
  const children = publisher === undefined ? subscribers : [publisher, ...subscribers];
  const rows = children.map((child) => [...cellsOf(child), outcomeOf(child)]);
  if (publisher === undefined) rows.unshift(['publisher', '-', '-', '-', '-', '-', 'not started']);

  const unequal = subscribers.filter((child) => outcomeOf(child) !== 'equal');
  const publisherFailed = publisher === undefined || outcomeOf(publisher) !== 'published';
  const wrong = [...(publisherFailed ? ['publisher'] : []), ...unequal.map(({ name }) => name)];
  const equal = wrong.length === 0;
  const verdict = equal
    ? `All ${subscribers.length} subscribers received all ${count(published?.count ?? 0)} messages, in order.`
    : `Not all is well: see ${wrong.join(', ')}.`;
  return { text: `${table(rows, { headings: HEADINGS, left: LEFT })}\n\n${verdict}`, equal };
}

function cellsOf({ name, result }: Child): string[] {
  if (result === undefined) return [name, '-', '-', '-', '-', '-'];
  const { count: messages, checksum, seconds, latency } = result;
  return [
    name,
    count(messages),
    checksum,
    count(rate(messages, seconds)),
    latency === undefined ? '-' : duration(latency.p50),
    latency === undefined ? '-' : duration(latency.p99),
  ];
}
