import { expect } from 'vitest';
import type { Entry } from './journal.js';
import { answerTo } from './service.js';

/** Runs that a call may have that may run again: one, and one for each of two deaths. */
const MOST_RUNS = 3;

/** What may have become of the calls of a play. */
export interface Verdict {
  /** Clients that were not killed: all their calls have an outcome. */
  readonly clients: readonly string[];
  /** Errors that calls may have, by their keys; none for the others, but `SERVER_DIED` where a server may have begun them. */
  readonly mayFail: Readonly<Record<string, readonly string[]>>;
  /** Calls that the server which was killed may have begun, and not answered. */
  readonly mostLost: number;
}

type Of<What> = Extract<Entry, { readonly what: What }>;

/** Checks what calls promise, whichever process dies. */
export function judge(journal: readonly Entry[], { clients, mayFail, mostLost }: Verdict): void {
  const all = <What extends Entry['what']>(what: What): Of<What>[] =>
    journal.filter((entry): entry is Of<What> => entry.what === what);
  expect(all('wrong'), 'what must never be').toEqual([]);
  const made = new Map(all('made').map((entry) => [entry.key, entry]));
  const runs = (key: string) => all('ran').filter((entry) => entry.key === key);
  const outcomes = [...all('got'), ...all('failed')];

  for (const { key } of all('ran')) expect(made.has(key), `${key} ran and was made`).toBe(true);
  for (const { key, method, client } of made.values()) {
    const ran = runs(key);
    const most = method === 'gateAgain' ? MOST_RUNS : 1;
    expect(ran.length, `runs of ${key}`).toBeLessThanOrEqual(most);
    const own = outcomes.filter((outcome) => outcome.key === key);
    expect(own.length, `outcomes of ${key}`).toBeLessThanOrEqual(1);
    if (clients.includes(client)) expect(own.length, `outcomes of ${key}`).toBe(1);
    for (const outcome of own) judgeOutcome(outcome, method, ran);
  }

  const lost = all('failed').filter(({ code }) => code === 'SERVER_DIED');
  expect(lost.length, 'calls that were lost with their server').toBeLessThanOrEqual(mostLost);
  for (const failed of all('failed')) {
    const allowed = mayFail[failed.key] ?? [];
    const isLost = failed.code === 'SERVER_DIED' && failed.started === 'maybe';
    if (!isLost) expect(allowed, JSON.stringify(failed)).toContain(failed.code);
  }
}

function judgeOutcome(outcome: Of<'got'> | Of<'failed'>, method: string, ran: readonly Of<'ran'>[]): void {
  const { key } = outcome;
  if (outcome.what === 'failed') {
    if (outcome.started === false) expect(ran, `${key} was said to have never run`).toEqual([]);
    return;
  }
  if (method === 'note') return;
  expect(ran.length, `${key} was answered and ran`).toBeGreaterThan(0);
  if (outcome.items > 0 || outcome.value === '') return;
  const answers = ran.map(({ server }) => answerTo(key, server));
  const text = method === 'total' ? outcome.value.replace(/ \d+ by /, ' by ') : outcome.value;
  expect(answers, `the answer to ${key}`).toContain(text);
}
