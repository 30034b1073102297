import type { Seen } from './ledger.js';
import type { ToldGap } from './protocol.js';

/** What is known of one channel on its way from one machine to another. */
export interface Way {
  /** Of the channel where its messages were published. */
  readonly incarnation: string;
  /** All that was published there, in order. */
  readonly published: readonly Seen[];
  /** All that came to the other machine, in order. */
  readonly arrived: readonly Seen[];
  /** What the importing bridges told to be missing. */
  readonly gaps: readonly ToldGap[];
}

/** What became of the messages of a way. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly published: number;
  readonly arrived: number;
  /** Messages that did not arrive, by the reason of the gap that tells of them. */
  readonly missed: ReadonlyMap<string, number>;
}

/** Whether each message arrived once and in order, or is in a gap that was told. */
export function judge({ incarnation, published, arrived, gaps }: Way): Verdict {
  const problems: string[] = [];
  const sequences = new Map<string, number>();
  for (const [index, seen] of published.entries()) {
    const before = published[index - 1]?.sequence ?? seen.sequence - 1;
    if (seen.sequence !== before + 1) problems.push(`${show(seen)} was published behind number ${before}`);
    if (sequences.has(keyOf(seen))) problems.push(`${show(seen)} was published twice`);
    sequences.set(keyOf(seen), seen.sequence);
  }
  const missing = new Map(published.map((seen) => [seen.sequence, seen]));
  let last = 0;
  for (const seen of arrived) {
    const sequence = sequences.get(keyOf(seen));
    if (sequence === undefined) problems.push(`${show(seen)} arrived, and was not published`);
    else if (!missing.delete(sequence)) problems.push(`${show(seen)}, number ${sequence}, arrived twice`);
    else if (sequence < last) problems.push(`${show(seen)}, number ${sequence}, arrived behind ${last}`);
    last = Math.max(last, sequence ?? 0);
  }
  const missed = new Map<string, number>();
  for (const gap of gaps) {
    const { from, to, count, reason } = gap;
    if (gap.incarnation !== incarnation || count !== to - from + 1)
      problems.push(`this gap is wrong: ${JSON.stringify(gap)}`);
    for (let sequence = from; sequence <= to; sequence++) {
      if (missing.delete(sequence)) missed.set(reason, (missed.get(reason) ?? 0) + 1);
    }
  }
  for (const [sequence, seen] of missing) {
    problems.push(`${show(seen)}, number ${sequence}, did not arrive, and is in no gap that was told`);
  }
  problems.push(...falseGaps(published, arrived, sequences, gaps));
  return { problems, published: published.length, arrived: arrived.length, missed };
}

/** Gaps that tell of messages that are not missing. */
function falseGaps(
  published: readonly Seen[],
  arrived: readonly Seen[],
  sequences: ReadonlyMap<string, number>,
  gaps: readonly ToldGap[],
): string[] {
  const there = new Set(arrived.map((seen) => sequences.get(keyOf(seen))));
  const first = published[0]?.sequence ?? 0;
  const last = published.at(-1)?.sequence ?? 0;
  const problems: string[] = [];
  for (const { from, to, reason } of gaps) {
    if (from < first || to > last) problems.push(`there are no ${from} to ${to}, told as a gap`);
    for (let sequence = from; sequence <= to; sequence++) {
      if (there.has(sequence)) problems.push(`number ${sequence} arrived, and is in a gap (${reason})`);
    }
  }
  return problems;
}

function keyOf({ life, number }: Seen): string {
  return `${life} ${number}`;
}

function show({ life, number }: Seen): string {
  return `message ${number} of life ${life}`;
}
