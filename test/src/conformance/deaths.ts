import { ok, strictEqual } from 'node:assert/strict';
import type { Scenario } from './scenarios.js';
import { eventsOf, expectEvents, type Stage } from './stage.js';

/** More than any scenario publishes. */
const UNTIL_THE_END = 1_000_000;
/** Seeds of messages by the publisher that lives on. */
const SURVIVOR = 5000;

/** Steps of publishing, each with how many of 30 messages are committed when it dies there for the 30th time. */
const PUBLISHING = {
  'publish: frame written': 29,
  'publish: committed': 30,
  'publish: rung': 30,
} as const;

/**
 * A publisher dies, while another one is there and goes on.
 *
 * @returns how many of its messages are committed.
 */
async function publisherDies(stage: Stage, step: string, times: number): Promise<number> {
  const subscriber = await stage.subscriber();
  const survivor = await stage.otherPublisher();
  const victim = await stage.publisher();
  const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
  await victim.ask(`die-at ${times} ${step}`);
  if (step === 'ring: sent') {
    // Only who sleeps is rung, and only once in each sleep.
    let sleep = 0;
    for (let seed = 0; seed < times - 1; seed++) {
      sleep = await stage.firstAsleep(sleep);
      await victim.ask(`publish ${seed} 200 1`);
    }
    await stage.firstAsleep(sleep);
    await victim.dies(`publish ${times - 1} 200 1`);
  } else {
    await victim.dies(...Array.from({ length: 1000 }, (_, seed) => `publish ${seed} 200 1`));
  }
  await survivor.ask(`publish ${SURVIVOR} 100 5`);
  await survivor.ask('leave publisher');
  const events = [...(await received).events];
  // Who was the last depends on whether the death was noticed before the other one left.
  ok(['gone left', 'gone died'].includes(events.pop() ?? ''));
  const committed = events.length - 5;
  expectEvents(
    events,
    eventsOf(
      { sequence: 1, seed: 0, length: 200, count: committed },
      { sequence: committed + 1, seed: SURVIVOR, length: 100, count: 5 },
    ),
  );
  return committed;
}

/** The same, where how many messages are committed is left to chance. */
async function dyingPublisher(stage: Stage, step: string): Promise<void> {
  ok((await publisherDies(stage, step, 2)) > 0);
}

/** The last publisher dies while subscribers sleep; another one comes later. */
async function lastPublisherDies(stage: Stage): Promise<void> {
  const subscriber = await stage.subscriber();
  for (let turn = 0; turn < 2; turn++) {
    const victim = await stage.publisher();
    const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
    await victim.ask(`publish ${turn} 10 1`);
    await victim.kill();
    expectEvents((await received).events, [
      ...eventsOf({ sequence: turn + 1, seed: turn, length: 10, count: 1 }),
      'gone died',
    ]);
  }
}

/** The system has closed the life line of a publisher that dies, and not its bell yet. */
async function dyingPublisherIsWatched(stage: Stage): Promise<void> {
  const victim = await stage.publisher();
  await victim.ask('publish 0 10 1');
  process.kill(victim.pid, 'SIGSTOP');
  stage.endLifeLines();
  const subscriber = await stage.subscriber();
  expectEvents((await subscriber.ask(`receive ${UNTIL_THE_END}`)).events, ['gone died']);
  await victim.kill();
}

/** A publisher dies between two fragments: no process gets any of that message, and nothing is missed. */
async function dividedPublisherDies(stage: Stage): Promise<void> {
  const subscriber = await stage.subscriber();
  const survivor = await stage.otherPublisher();
  const victim = await stage.publisher();
  const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
  await victim.ask('die-at 20 publish: rung');
  await victim.dies('publish 0 100000 1');
  await survivor.ask(`publish ${SURVIVOR} 30000 1`);
  await survivor.ask('leave publisher');
  const { events } = await received;
  expectEvents(events.slice(0, -1), eventsOf({ sequence: 1, seed: SURVIVOR, length: 30_000, count: 1 }));
}

const JOINING = [
  'claim: nonce stored',
  'claim: generation raised',
  'claim: counted',
  'claim: identity cleared',
  'claim: identity written',
  'lock: taken',
  'join: state stored',
  'join: epoch raised',
] as const;

/** A publisher dies while it joins. */
async function joiningPublisherDies(stage: Stage, step: string): Promise<void> {
  const subscriber = await stage.subscriber();
  const victim = stage.idlePublisher();
  await victim.ask(`die-at 1 ${step}`);
  await victim.dies(`publisher ${stage.channel} capacity=4096`);
  const survivor = await stage.otherPublisher();
  await survivor.ask(`publish ${SURVIVOR} 10 3`);
  // It may be told of the end of the one that died, or not: that depends on how far it came.
  const events: string[] = [];
  while (events.length < 3) {
    const answer = await subscriber.ask(`receive ${3 - events.length}`);
    events.push(...answer.events.filter((event) => event !== 'gone died'));
  }
  expectEvents(events, eventsOf({ sequence: 1, seed: SURVIVOR, length: 10, count: 3 }));
}

const LEAVING = [
  'leave: reason stored',
  'leave: closed',
  'leave: end stored',
  'leave: state stored',
  'leave: epoch raised',
  'leave: nonce cleared',
] as const;

/** A publisher dies while it leaves. */
async function leavingPublisherDies(stage: Stage, step: string): Promise<void> {
  const subscriber = await stage.subscriber();
  const victim = await stage.publisher();
  const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
  await victim.ask('publish 0 10 1');
  await victim.ask(`die-at 1 ${step}`);
  await victim.dies('leave publisher');
  const { events } = await received;
  expectEvents(events.slice(0, 1), eventsOf({ sequence: 1, seed: 0, length: 10, count: 1 }));
  ok(['gone left', 'gone died'].includes(events[1] ?? ''), events[1]);
  strictEqual(events.length, 2);
}

/** A reliable subscriber dies; publishers go on. */
async function subscriberDies(stage: Stage, step: string): Promise<void> {
  const publisher = await stage.publisher();
  const victim = stage.idleSubscriber();
  if (['read', 'sleep', 'wake'].includes(step.split(':')[0] ?? '')) {
    await victim.ask(`subscriber ${stage.channel} capacity=4096`);
    await victim.ask(`die-at 1 ${step}`);
    let isDead = false;
    const died = victim.dies(`receive ${UNTIL_THE_END}`).finally(() => {
      isDead = true;
    });
    // A few at a time, so that it comes to sleep in between.
    while (!isDead) await publisher.ask('publish 0 100 20');
    await died;
  } else if (step.startsWith('leave')) {
    await victim.ask(`subscriber ${stage.channel} capacity=4096`);
    await victim.ask(`die-at 1 ${step}`);
    await victim.dies('leave subscriber');
  } else {
    await victim.ask(`die-at 1 ${step}`);
    await victim.dies(`subscriber ${stage.channel} capacity=4096`);
  }
  await publisher.ask('publish 0 100 500');
}

function scenario(name: string, isShort: boolean, run: (stage: Stage) => Promise<void>): Scenario {
  return { name, isShort, run };
}

const SUBSCRIBING = [
  ...JOINING,
  'join: cursor stored',
  'read: copied',
  'read: cursor stored',
  'sleep: counted',
  'sleep: wants stored',
  'sleep: numbered',
  'sleep: flagged',
  'wake: flag cleared',
  'wake: counted out',
  'leave: end stored',
  'leave: state stored',
  'leave: epoch raised',
  'leave: nonce cleared',
  'leave: unmapped',
];

/** What must go on when another process is killed. */
export const deathScenarios: readonly Scenario[] = [
  ...(Object.keys(PUBLISHING) as (keyof typeof PUBLISHING)[]).map((step) =>
    scenario(`publisher killed at ${step}`, step === 'publish: committed', async (stage) =>
      strictEqual(await publisherDies(stage, step, 30), PUBLISHING[step]),
    ),
  ),
  ...['lock: taken', 'lock: released', 'publish: head moved', 'publish: padding written'].map((step) =>
    scenario(`publisher killed at ${step}`, step === 'publish: head moved', (stage) =>
      dyingPublisher(stage, step),
    ),
  ),
  {
    ...scenario('publisher killed at ring: sent', false, (stage) => dyingPublisher(stage, 'ring: sent')),
    // To see the subscriber asleep.
    opensMemory: true,
  },
  scenario('last publisher killed', true, lastPublisherDies),
  {
    ...scenario('publisher watched while it dies', true, dyingPublisherIsWatched),
    // It sends SIGSTOP, and makes a FIFO.
    isPosix: true,
  },
  scenario('publisher killed between fragments', true, dividedPublisherDies),
  ...JOINING.map((step) =>
    scenario(`publisher killed at ${step}, joining`, step === 'lock: taken', (stage) =>
      joiningPublisherDies(stage, step),
    ),
  ),
  ...LEAVING.map((step) =>
    scenario(`publisher killed at ${step}`, step === 'leave: state stored', (stage) =>
      leavingPublisherDies(stage, step),
    ),
  ),
  ...SUBSCRIBING.map((step) =>
    scenario(`subscriber killed at ${step}`, step === 'read: copied', (stage) => subscriberDies(stage, step)),
  ),
];
