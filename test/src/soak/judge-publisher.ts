import type { LedgerContents } from './ledger.js';
import type { PublisherRole } from './life-plan.js';

/**
 * Compares what a publisher wrote down with how many of its messages were seen. What it began and does not know to be
 * published may be, or not: a batch as a whole.
 *
 * @returns problems.
 */
export function judgePublisher(
  role: PublisherRole,
  { done, intended }: LedgerContents,
  seen: number,
): string[] {
  const atOnce = role.style !== 'pipelined';
  if (seen < done) return [`${seen} of its messages were seen; it had published ${done}`];
  if (seen > intended) return [`${seen} of its messages were seen; it had begun ${intended}`];
  if (atOnce && seen !== done && seen !== intended) {
    return [`${seen} of its messages were seen; it had published ${done} and begun ${intended} at once`];
  }
  return [];
}
