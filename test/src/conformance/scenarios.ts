import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { deathScenarios } from './deaths.js';
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
      const after = await stage.subscriber('delivery=lossy start=after:7');
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
      const gone = await stage.subscriber('delivery=lossy start=after:20');
      const { events } = await gone.ask('take');
      ok(events[0]?.startsWith('gap 21 '), events[0]);
      deepStrictEqual([numbersOf(events).first, numbersOf(events).last], [21, 511]);
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
export const scenarios: readonly Scenario[] = [...basics, ...deathScenarios];
