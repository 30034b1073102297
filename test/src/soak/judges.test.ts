import { describe, expect, it } from 'vitest';
import { planChannels } from './channel-plan.js';
import { judgePublisher } from './judge-publisher.js';
import { judgeSubscriber } from './judge-subscriber.js';
import { ALTERED, type Entry, GAP, type LedgerContents } from './ledger.js';
import type { PublisherRole, SubscriberRole } from './life-plan.js';
import { Truth } from './truth.js';
import { Witnesses } from './witnesses.js';

const SECOND = 1e9;
const LAST = 100;
const SPLIT = 40;
const [channel] = planChannels('judges', 1) as [ReturnType<typeof planChannels>[0] & object];

/** Publishers 1 and 2 in turn, one message a second; the auditor gets each half a second later. */
function truthOf(): Truth {
  const truth = new Truth();
  for (let sequence = 1; sequence <= LAST; sequence++) {
    truth.add(...authorOf(sequence), sequence * SECOND, (sequence + 0.5) * SECOND);
    if (sequence === SPLIT) truth.markSplit((SPLIT - 5) * SECOND);
  }
  return truth;
}

function authorOf(sequence: number): [publisher: number, counter: number] {
  return sequence % 2 === 1 ? [1, (sequence + 1) / 2] : [2, sequence / 2];
}

function messages(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const [publisher, counter] = authorOf(from + index);
    return { sequence: from + index, publisher, counter, count: 1 };
  });
}

function gap(from: number, to: number): Entry {
  return { sequence: from, publisher: GAP, counter: 0, count: to - from + 1 };
}

const role: SubscriberRole = {
  kind: 'subscriber',
  id: 9,
  channel,
  worker: false,
  drains: true,
  delivery: 'reliable',
  start: 'latest',
  take: 'listen',
  sluggish: false,
  pollWindow: 0,
  closeWithPublishers: false,
};

interface Case {
  readonly role?: Partial<SubscriberRole>;
  readonly after?: number;
  readonly ledger?: Partial<LedgerContents>;
}

/** Joined between messages 30 and 31, drained between 60 and 61. */
function subscriber(entries: readonly Entry[], { role: changes, after, ledger }: Case = {}) {
  const contents: LedgerContents = {
    joinBegun: 30.7 * SECOND,
    joined: 30.8 * SECOND,
    incarnation: '00f1d0c2a8b94e57',
    drainBegun: 60.7 * SECOND,
    intended: 0,
    done: 0,
    ended: false,
    recovered: { slots: 0, locks: 0 },
    stalls: [],
    entries,
    ...ledger,
  };
  return { role: { ...role, ...changes }, after, ledger: contents };
}

function problemsOf(entries: readonly Entry[], options?: Case): readonly string[] {
  return judgeSubscriber(subscriber(entries, options), truthOf()).problems;
}

describe('a subscriber in a channel with an auditor', () => {
  const lossy: Case = { role: { delivery: 'lossy' } };
  const stalled: Case = { ledger: { stalls: [{ since: 50.7 * SECOND, last: 45 }] } };
  const killed: Case = { ledger: { drainBegun: 0 } };
  const history: Case = { role: { start: 'history', channel: { ...channel, history: 5 } } };

  it.each<[string, readonly Entry[], Case?]>([
    ['all there was', messages(31, 60)],
    ['what came while it drained', messages(31, 63)],
    ['nothing, killed before it had joined', [], { ledger: { joined: 0, drainBegun: 0 } }],
    ['a part, killed a moment ago', messages(31, 55), killed],
    ['a part, since its subscription ended', messages(31, 45), { ledger: { ended: true } }],
    [
      'nothing for a while, when next to nothing was published',
      messages(31, 60),
      { ledger: { stalls: [{ since: 48.7 * SECOND, last: 45 }] } },
    ],
    ['gaps, since it is lossy', [...messages(31, 34), gap(35, 39), ...messages(40, 60)], lossy],
    ['the history', messages(26, 60), history],
    ['what comes after a number', [gap(11, 20), ...messages(21, 60)], { after: 10 }],
    [
      'a gap for a message that was begun before, where it is owed that',
      [...messages(37, SPLIT - 1), gap(SPLIT, SPLIT), ...messages(SPLIT + 1, 60)],
      { after: 36, ledger: { joinBegun: 37.7 * SECOND, joined: 37.8 * SECOND } },
    ],
    ['more than is new, from the earliest on', messages(12, 60), { role: { start: 'earliest' } }],
    [
      'all but a message that was begun before',
      [...messages(36, SPLIT - 1), ...messages(SPLIT + 1, 60)],
      { ledger: { joinBegun: 35.7 * SECOND, joined: 35.8 * SECOND } },
    ],
  ])('may have got %s', (_, entries, options) => {
    expect(problemsOf(entries, options)).toEqual([]);
  });

  it.each<[string, readonly Entry[], RegExp, Case?]>([
    ['miss its first message', messages(32, 60), /began with 32: 31 is lost/],
    ['get what was before it joined', messages(30, 60), /began with 30/],
    ['miss one', [...messages(31, 50), ...messages(52, 60)], /51 is lost without a gap/],
    ['get one twice', [...messages(31, 50), ...messages(50, 60)], /50 came where 51 was due/],
    [
      'get two in the wrong order',
      [...messages(31, 40), ...messages(42, 42), ...messages(41, 41)],
      /41 came where 43/,
    ],
    [
      'get what was altered',
      [...messages(31, 40), { sequence: 41, publisher: ALTERED, counter: 0, count: 1 }],
      /altered/,
    ],
    ['get what was never committed', messages(31, LAST + 1), /the last one is 100/],
    [
      'get another one as that number',
      [{ sequence: 31, publisher: 1, counter: 17, count: 1 }],
      /message 17 of 1/,
    ],
    [
      'have a gap when it is reliable',
      [...messages(31, 40), gap(41, 45), ...messages(46, 60)],
      /reliable and missed 5/,
    ],
    [
      'have another gap than the first one',
      [gap(11, 20), gap(21, 22), ...messages(23, 60)],
      /reliable/,
      { after: 10 },
    ],
    ['drain and leave the last one out', messages(31, 59), /drained up to 59 when 60/],
    ['get nothing at all', [], /drained up to 0 when 60/],
    [
      'get nothing for a while although there is something',
      messages(31, 60),
      /at 45 for a while when 50/,
      stalled,
    ],
    ['miss a part of the history', messages(27, 60), /26 is lost/, history],
    ['get more than the history', messages(25, 60), /began with 25/, history],
    ['begin elsewhere than after its number', messages(12, 60), /after 10 and began with 12/, { after: 10 }],
    [
      'miss a message that was begun later',
      [...messages(31, SPLIT - 1), ...messages(SPLIT + 1, 60)],
      /40 is lost without a gap/,
    ],
  ])('must not %s', (_, entries, problem, options) => {
    expect(problemsOf(entries, options).join('\n')).toMatch(problem);
  });
});

describe('a publisher', () => {
  const publisher = { style: 'batch' } as PublisherRole;
  const ledger = (done: number, intended: number) => ({ done, intended }) as LedgerContents;

  it('may have published what it began, as a whole, or not', () => {
    expect(judgePublisher(publisher, ledger(10, 14), 10)).toEqual([]);
    expect(judgePublisher(publisher, ledger(10, 14), 14)).toEqual([]);
    expect(judgePublisher({ ...publisher, style: 'pipelined' }, ledger(10, 14), 12)).toEqual([]);
  });

  it.each([9, 12, 15])('that published 10 and began 14 must not have published %d', (seen) => {
    expect(judgePublisher(publisher, ledger(10, 14), seen)).toHaveLength(1);
  });
});

describe('subscribers in a channel without an auditor', () => {
  const both = (one: readonly Entry[], other: readonly Entry[], begun = 50) => {
    const witnesses = new Witnesses();
    const { problems } = witnesses.addSubscriber(subscriber(one));
    const more = witnesses.addSubscriber(subscriber(other)).problems;
    for (const id of [1, 2]) witnesses.addPublisher(id, { intended: begun } as LedgerContents);
    return [...problems, ...more, ...witnesses.problems()];
  };

  it('may each have got a part', () => {
    expect(both(messages(1, 40), messages(20, 100))).toEqual([]);
  });

  it.each<[string, readonly Entry[], RegExp, number?]>([
    ['miss one', [...messages(31, 50), ...messages(52, 60)], /52 came where 51 was due/],
    [
      'miss one of a publisher',
      [...messages(31, 32), { sequence: 33, publisher: 1, counter: 18, count: 1 }],
      /its 17 was due/,
    ],
    [
      'get what another one got as another number',
      [{ sequence: 8, publisher: 1, counter: 4, count: 1 }],
      /as 8, and as 7/,
    ],
    ['get what was never begun', messages(1, 98), /it had begun 48/, 48],
    ['get what was altered', [{ sequence: 8, publisher: ALTERED, counter: 0, count: 1 }], /altered/],
    ['have a gap when they are reliable', [gap(1, 3), ...messages(4, 10)], /reliable and missed 3/],
  ])('must not %s', (_, entries, problem, begun) => {
    expect(both(messages(1, 40), entries, begun).join('\n')).toMatch(problem);
  });

  it('must not see more messages than were begun since the channel was empty', () => {
    const entries = [{ sequence: 101, publisher: 1, counter: 1, count: 1 }];
    expect(both(entries, []).join('\n')).toMatch(/message 101 was seen; 100 were begun/);
  });
});
