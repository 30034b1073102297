import { describe, expect, it } from 'vitest';
import { type Circumstances, problemOf } from './judge.js';
import type { CallRecord } from './ledger.js';

const CALM: Circumstances = { wasCallerKilled: false, werePauses: false };

function recordOf(changes: Partial<CallRecord>): CallRecord {
  return { key: 1, method: 'once', limit: 'none', outcome: 'ok', outcomes: 1, runs: 1, ...changes };
}

describe('what became of a call', () => {
  it.for<[string, Partial<CallRecord>, Partial<Circumstances>?]>([
    ['an answer', {}],
    ['an error with a reason', { outcome: 'TIMEOUT maybe', limit: 'time' }],
    ['a server that died', { outcome: 'SERVER_DIED maybe', runs: 0 }],
    ['an idempotent call that ran again', { method: 'again', runs: 3 }],
    ['a one-way call whose server died', { method: 'tell', runs: 0 }],
    [
      'no outcome where the caller was killed',
      { outcome: undefined, outcomes: 0 },
      { wasCallerKilled: true },
    ],
    ['a mailbox that a stopped server kept', { outcome: 'MAILBOX_LOST maybe' }, { werePauses: true }],
  ])('may be %s', ([, record, circumstances = {}]) => {
    expect(problemOf(recordOf(record), { ...CALM, ...circumstances })).toBeUndefined();
  });

  it.for<[string, Partial<CallRecord>, string]>([
    ['no outcome', { outcome: undefined, outcomes: 0 }, 'it has no outcome'],
    ['two outcomes', { outcomes: 2 }, 'it has 2 outcomes'],
    ['a second run', { runs: 2 }, 'it ran 2 times'],
    ['a fourth run', { method: 'again', runs: 4 }, 'it ran 4 times'],
    ['a run of what is said not to have started', { outcome: 'NO_SERVER false' }, 'and ran 1 times'],
    ['an answer of no handler', { runs: 0 }, 'it was answered and never ran'],
    ['a timeout of a patient program', { outcome: 'TIMEOUT maybe' }, 'without a reason'],
    ['a lost mailbox', { outcome: 'MAILBOX_LOST maybe' }, 'without a reason'],
    [
      'an error that says nothing of its start',
      { outcome: 'BUSY undefined' },
      'it ended with BUSY undefined',
    ],
    ['a run of what was never made', { method: undefined }, 'was never made'],
  ])('may not be %s', ([, record, problem]) => {
    expect(problemOf(recordOf(record), CALM)).toContain(problem);
  });
});
