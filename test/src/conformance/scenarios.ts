import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import type { Agent } from './agent.js';
import { deathScenarios } from './deaths.js';
import { frozenScenarios } from './frozen.js';
import { eventsOf, expectEvents, type Stage } from './stage.js';

/** Something that must work with any two languages. */
export interface Scenario {
  readonly name: string;
  /** Whether the short form runs it too. */
  readonly isShort: boolean;
  /** Whether what publishes has the first processor for itself, and what subscribes shares the last one. Defaults to false. */
  readonly isUneven?: boolean;
  /** How many descriptors an agent may have. Defaults to what this process may have. */
  readonly descriptors?: number;
  /** Whether this process opens the channel's memory too, which it cannot for agents under Wine. Defaults to false. */
  readonly opensMemory?: boolean;
  /** Whether it needs what Windows does not have. Defaults to false. */
  readonly isPosix?: boolean;
  run(stage: Stage): Promise<void>;
}

const KiB = 1024;
const MiB = 1024 * KiB;
/** More than any scenario publishes: such a receiver goes on until the publishers have ended. */
const UNTIL_THE_END = 1_000_000;

/** Each length once, by a receiver that takes them as they come. */
async function lengths(stage: Stage, options: string, all: readonly number[]): Promise<void> {
  const subscriber = await stage.subscriber(options);
  const publisher = await stage.publisher(options);
  const received = subscriber.ask(`receive ${all.length}`);
  for (const [index, length] of all.entries()) await publisher.ask(`publish ${index} ${length} 1`);
  const expected = all.flatMap((length, index) =>
    eventsOf({ sequence: index + 1, seed: index, length, count: 1 }),
  );
  expectEvents((await received).events, expected);
}

/** Numbers of all messages and gaps, in order; they must have no holes. */
function numbersOf(events: readonly string[]): { first: number; last: number; lost: number } {
  let next: number | undefined;
  let first = 0;
  let lost = 0;
  for (const event of events) {
    const [kind, from, to] = event.split(' ');
    if (kind !== 'message' && kind !== 'gap') continue;
    next ??= first = Number(from);
    strictEqual(Number(from), next, event);
    if (kind === 'gap') lost += Number(to) - next + 1;
    next = kind === 'gap' ? Number(to) + 1 : next + 1;
  }
  return { first, last: (next ?? 0) - 1, lost };
}

/** A lossy subscriber follows a publisher as well as it can: it is told exactly what it has missed, and of nothing else. */
async function lossyRace(stage: Stage, count: number, microsecondsACopy: number): Promise<void> {
  const subscriber = await stage.subscriber('capacity=4096 delivery=lossy');
  const publisher = await stage.publisher();
  await subscriber.ask(`slow ${microsecondsACopy}`);
  const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
  await publisher.ask(`publish 0 200 ${count}`);
  await publisher.ask('leave publisher');
  const { events } = await received;
  strictEqual(events.at(-1), 'gone left');
  deepStrictEqual([numbersOf(events).first, numbersOf(events).last], [1, count]);
  for (const event of events.filter((one) => one.startsWith('message'))) {
    const sequence = Number(event.split(' ')[1]);
    strictEqual(event, eventsOf({ sequence, seed: sequence - 1, length: 200, count: 1 })[0]);
  }
}

/** Where a participant is: the life of the channel, and the number of a message. */
async function positionOf(
  agent: Agent,
  role: 'publisher' | 'subscriber',
): Promise<[incarnation: string, sequence: number]> {
  const [incarnation = '', sequence] = (await agent.ask(`position ${role}`)).words;
  ok(/^[0-9a-f]{16}$/.test(incarnation), incarnation);
  return [incarnation, Number(sequence)];
}

/** What is told of publishers before what they published: each comes in an order of its own. */
function byName(events: readonly string[]): string[] {
  const isJoined = (event: string) => event.startsWith('joined ');
  return [...events.filter(isJoined), ...events.filter((event) => !isJoined(event))];
}

const FRAME_ENDS = [1, 7, 8, 9, 31, 32, 33, 39, 40, 41, 1000];

const basics: readonly Scenario[] = [
  {
    name: 'lengths',
    isShort: true,
    // The largest of one frame, and one more; what is larger than the ring.
    run: (stage) => lengths(stage, 'capacity=65536', [...FRAME_ENDS, 16_360, 16_361, 100_000, 1 * MiB]),
  },
  { name: '16 MiB', isShort: false, run: (stage) => lengths(stage, `capacity=${MiB}`, [16 * MiB, 1]) },
  {
    name: 'wrap',
    isShort: true,
    run: (stage) =>
      lengths(
        stage,
        'capacity=4096',
        Array.from({ length: 300 }, (_, index) => (index * 37) % 1000),
      ),
  },
  {
    name: 'batches',
    isShort: true,
    async run(stage) {
      const subscriber = await stage.subscriber();
      const publisher = await stage.publisher();
      for (let batch = 0; batch < 20; batch++) {
        deepStrictEqual((await publisher.ask(`batch ${batch * 10} 60 10`)).words, ['published']);
        const { events } = await subscriber.ask('receive 10');
        expectEvents(events, eventsOf({ sequence: batch * 10 + 1, seed: batch * 10, length: 60, count: 10 }));
      }
    },
  },
  {
    name: 'lossy laps',
    isShort: true,
    async run(stage) {
      const subscriber = await stage.subscriber('capacity=4096 delivery=lossy');
      const publisher = await stage.publisher();
      for (let lap = 0; lap < 3; lap++) {
        await publisher.ask(`publish ${lap * 1000} 50 1000`);
        const { events } = await subscriber.ask('take');
        const { first, last, lost } = numbersOf(events);
        deepStrictEqual([first, last], [lap * 1000 + 1, (lap + 1) * 1000]);
        ok(lost > 900 && lost < 1000, `${lost} are lost`);
        const kept = { sequence: last - 999 + lost, seed: lap * 1000 + lost, length: 50, count: 1000 - lost };
        expectEvents(
          events.filter((event) => event.startsWith('message')),
          eventsOf(kept),
        );
      }
    },
  },
  {
    name: 'lossy race',
    isShort: false,
    run: (stage) => lossyRace(stage, 20_000, 0),
  },
  {
    name: 'lossy race, slow subscriber',
    isShort: true,
    isUneven: true,
    // Longer than most publishers take for a ring of messages: what was copied is overwritten nearly each time.
    run: (stage) => lossyRace(stage, 20_000, 100),
  },
  {
    name: 'ringing without descriptors',
    isShort: false,
    descriptors: 100,
    async run(stage) {
      const subscriber = await stage.subscriber();
      const publisher = await stage.publisher();
      const received = subscriber.ask('receive 1');
      await stage.sleepers(1);
      await publisher.ask('starve 0');
      await publisher.ask('publish 0 10 1');
      expectEvents((await received).events, eventsOf({ sequence: 1, seed: 0, length: 10, count: 1 }));
      await publisher.ask('feed');
    },
  },
  {
    name: 'a death without descriptors',
    isShort: false,
    descriptors: 100,
    async run(stage) {
      const subscriber = await stage.subscriber();
      await subscriber.ask('starve 0');
      const publisher = await stage.publisher();
      const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
      await publisher.ask('publish 0 10 1');
      await stage.sleepers(1);
      await publisher.kill();
      expectEvents((await received).events, [
        ...eventsOf({ sequence: 1, seed: 0, length: 10, count: 1 }),
        'gone died',
      ]);
      await subscriber.ask('feed');
    },
  },
  {
    name: 'history',
    isShort: true,
    async run(stage) {
      const options = 'capacity=4096 history=10 maxMessage=100';
      const publisher = await stage.publisher(options);
      await publisher.ask('publish 0 100 50');
      const subscriber = await stage.subscriber(`${options} start=history`);
      const received = subscriber.ask('receive 12');
      await publisher.ask('publish 50 100 2');
      const { events } = await received;
      expectEvents(events, eventsOf({ sequence: 41, seed: 40, length: 100, count: 12 }));
    },
  },
  {
    name: 'late join',
    isShort: true,
    async run(stage) {
      const publisher = await stage.publisher();
      await publisher.ask('publish 0 40 10');
      const latest = await stage.subscriber('delivery=lossy start=latest');
      const earliest = await stage.subscriber('delivery=lossy start=earliest');
      const [incarnation] = await positionOf(publisher, 'publisher');
      const after = await stage.subscriber(`delivery=lossy start=after:${incarnation}:7`);
      deepStrictEqual(await positionOf(latest, 'subscriber'), [incarnation, 10]);
      deepStrictEqual(await positionOf(earliest, 'subscriber'), [incarnation, 0]);
      // Nothing was taken, and none of it before that message is for this subscriber.
      deepStrictEqual(await positionOf(after, 'subscriber'), [incarnation, 7]);
      await publisher.ask('publish 10 40 1');
      expectEvents(
        (await latest.ask('take')).events,
        eventsOf({ sequence: 11, seed: 10, length: 40, count: 1 }),
      );
      expectEvents(
        (await earliest.ask('take')).events,
        eventsOf({ sequence: 1, seed: 0, length: 40, count: 11 }),
      );
      expectEvents(
        (await after.ask('take')).events,
        eventsOf({ sequence: 8, seed: 7, length: 40, count: 4 }),
      );

      await publisher.ask('publish 11 40 500');
      const gone = await stage.subscriber(`delivery=lossy start=after:${incarnation}:20`);
      const { events } = await gone.ask('take');
      ok(events[0]?.startsWith('gap 21 '), events[0]);
      deepStrictEqual([numbersOf(events).first, numbersOf(events).last], [21, 511]);
      deepStrictEqual(await positionOf(gone, 'subscriber'), [incarnation, 511]);
    },
  },
  {
    name: 'another life',
    isShort: true,
    async run(stage) {
      const first = await stage.publisher();
      await first.ask('publish 0 40 10');
      const [before] = await positionOf(first, 'publisher');
      await first.ask('leave publisher');
      const second = await stage.publisher();
      await second.ask('publish 10 40 3');
      const [incarnation] = await positionOf(second, 'publisher');
      notStrictEqual(incarnation, before);
      const after = `delivery=lossy start=after:${before}:2`;
      await rejects(stage.subscriber(after), new RegExp(`${before}.*${incarnation}`));
      const latest = await stage.subscriber(`${after}:latest`);
      const earliest = await stage.subscriber(`${after}:earliest`);
      await second.ask('publish 13 40 1');
      expectEvents(
        (await latest.ask('take')).events,
        eventsOf({ sequence: 4, seed: 13, length: 40, count: 1 }),
      );
      expectEvents(
        (await earliest.ask('take')).events,
        eventsOf({ sequence: 1, seed: 10, length: 40, count: 4 }),
      );
    },
  },
  {
    name: 'publishers come and go',
    isShort: true,
    opensMemory: true,
    async run(stage) {
      const subscriber = await stage.subscriber('capacity=4096 publisherEvents=yes');
      const first = await stage.publisher('capacity=4096 name=first');
      await first.ask('publish 0 10 1');
      const second = await stage.otherPublisher('capacity=4096 name=second');
      await second.ask('publish 1 10 1');
      expectEvents(byName((await subscriber.ask('receive 2')).events), [
        'joined first',
        'joined second',
        ...eventsOf({ sequence: 1, seed: 0, length: 10, count: 2 }),
      ]);
      const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
      await stage.sleepers(1);
      await first.ask('leave publisher');
      await second.ask('publish 2 10 1');
      await second.kill();
      const { events } = await received;
      // The subscriber may look before the message is there, after that, or not before the second one has gone as well.
      const isFirst = (event: string) => /^left first left [01]$/.test(event);
      strictEqual(events.filter(isFirst).length, 1, events.join());
      ok(events.findIndex(isFirst) < events.indexOf('gone died'));
      expectEvents(
        events.filter((event) => !isFirst(event)),
        [...eventsOf({ sequence: 3, seed: 2, length: 10, count: 1 }), 'left second died 0', 'gone died'],
      );
    },
  },
  {
    name: 'waiting for subscribers',
    isShort: true,
    opensMemory: true,
    async run(stage) {
      const publisher = await stage.publisher();
      const there = publisher.ask('wait-for-subscribers 2');
      await stage.memberWaiters(1);
      const dies = await stage.subscriber();
      await dies.kill();
      await stage.subscriber();
      await stage.memberWaiters(1);
      await stage.otherSubscriber('capacity=4096 delivery=lossy');
      deepStrictEqual((await there).words, ['2']);
    },
  },
  {
    name: 'full ring',
    isShort: true,
    async run(stage) {
      const subscriber = await stage.subscriber();
      const publisher = await stage.publisher();
      const [first = '', outcome] = (await publisher.ask('try 0 100 1000')).words;
      const count = Number(first);
      strictEqual(outcome, 'full');
      ok(count > 20, `${count} found room`);
      // It waits asleep, until the subscriber makes room.
      const published = publisher.ask(`publish ${count} 100 200`);
      const { events } = await subscriber.ask(`receive ${count + 200}`);
      await published;
      expectEvents(events, eventsOf({ sequence: 1, seed: 0, length: 100, count: count + 200 }));
    },
  },
  {
    name: 'disconnect',
    isShort: true,
    async run(stage) {
      const subscriber = await stage.subscriber();
      const publisher = await stage.publisher('capacity=4096 slowSubscribers=disconnect');
      deepStrictEqual((await publisher.ask('try 0 100 200')).words, ['200', 'published']);
      const { events } = await subscriber.ask(`receive ${UNTIL_THE_END}`);
      strictEqual(events.at(-1), 'disconnected');
      expectEvents(
        events.slice(0, -1),
        eventsOf({ sequence: 1, seed: 0, length: 100, count: events.length - 1 }),
      );
    },
  },
  {
    name: 'several publishers',
    isShort: true,
    async run(stage) {
      const subscribers = [await stage.subscriber(), await stage.otherSubscriber()];
      const publishers = [await stage.publisher(), await stage.otherPublisher()];
      const received = subscribers.map((subscriber) => subscriber.ask('receive 1002'));
      await Promise.all(
        publishers.map(async (publisher, index) => {
          await publisher.ask(`publish ${index * 1000} ${50 + index} 500`);
          await publisher.ask(`publish ${index} 20000 1`);
        }),
      );
      const [events = [], others] = (await Promise.all(received)).map((answer) => answer.events);
      deepStrictEqual(others, events, 'all see one order');
      deepStrictEqual(numbersOf(events), { first: 1, last: 1002, lost: 0 });
      for (const index of [0, 1]) {
        const digests = events
          .filter((event) => event.split(' ')[2] === `${50 + index}`)
          .map((event) => event.slice(-8));
        const expected = eventsOf({ sequence: 1, seed: index * 1000, length: 50 + index, count: 500 });
        deepStrictEqual(
          digests,
          expected.map((event) => event.slice(-8)),
        );
      }
    },
  },
  {
    name: 'leaving',
    isShort: true,
    async run(stage) {
      const subscriber = await stage.subscriber();
      for (let turn = 0; turn < 2; turn++) {
        const publisher = await stage.publisher();
        const received = subscriber.ask(`receive ${UNTIL_THE_END}`);
        await publisher.ask(`publish ${turn} 10 1`);
        await publisher.ask('leave publisher');
        expectEvents((await received).events, [
          ...eventsOf({ sequence: turn + 1, seed: turn, length: 10, count: 1 }),
          'gone left',
        ]);
      }
    },
  },
];

/** All scenarios, in the order of the matrix. */
export const scenarios: readonly Scenario[] = [...basics, ...frozenScenarios, ...deathScenarios];
