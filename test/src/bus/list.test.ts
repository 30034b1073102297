import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { openBus } from '@mmfbus/channel';
import { openSegment } from '@mmfbus/core/internal';
import { describe, expect, it } from 'vitest';
import { ended, killed, startAgent } from '../e2e/channel-agent.js';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { rawMemory } from '../support/raw-memory.js';
import { uniqueName } from '../support/unique-name.js';
import { busOf, startBusProgram, watch } from './bus-support.js';

const KiB = 1024;

ownDirectory('list');

/** From FORMAT.md. */
const SLOTS_USED = 404;

const STAYS = "process.stdin.on('end', () => process.exit()).resume();";

describe('a bus', () => {
  it('lists the channels of several processes: their participants, and how far they are', async () => {
    const before = Date.now();
    const bus = await busOf();
    const [first, second] = [uniqueName('a'), uniqueName('b')];
    const publishing = await startAgent(
      'publisher',
      first,
      `${STAYS} for (let i = 0; i < 5; i++) publisher.tryPublish(i); say('published');`,
      { join: "name: 'ticker'" },
    );
    const reliable = await startAgent('subscriber', first, STAYS, { join: "name: 'désk'" });
    const lossy = await startAgent('subscriber', first, STAYS, { join: "delivery: 'lossy'" });
    const other = await startAgent('subscriber', second, STAYS);
    publishing.send('go on');
    await publishing.waitForLine(/published/);

    const [a, b] = await bus.list();
    expect(a).toMatchObject({ name: first, capacity: 4 * KiB, codec: 'msgpack', published: 5 });
    expect(a?.participants).toMatchObject([
      { slot: 0, role: 'publisher', pid: publishing.pid, name: 'ticker', alive: true, lag: undefined },
      {
        slot: 1,
        role: 'subscriber',
        delivery: 'reliable',
        pid: reliable.pid,
        name: 'désk',
        alive: true,
        lag: 0,
      },
      { slot: 2, role: 'subscriber', delivery: 'lossy', pid: lossy.pid, name: '', alive: true, lag: 0 },
    ]);
    expect(b).toMatchObject({ name: second, published: 0, participants: [{ pid: other.pid }] });
    for (const { joinedAt } of a?.participants ?? []) {
      expect(joinedAt).toBeGreaterThanOrEqual((a?.createdAt ?? 0) - 1);
      expect(joinedAt).toBeGreaterThanOrEqual(before - 1);
      expect(joinedAt).toBeLessThanOrEqual(Date.now() + 1);
    }
    expect(await bus.inspect(first)).toMatchObject({ name: first, published: 5 });

    for (const program of [publishing, reliable, lossy, other]) await ended(program);
    expect(await bus.list()).toEqual([]);
    expect(await bus.inspect(first)).toBeUndefined();
  });

  it('tells how far a reliable subscriber is behind', async () => {
    const bus = await busOf();
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const lag = async () => (await bus.list())[0]?.participants[0]?.lag;
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    expect(await lag()).toBe(96);
    subscriber.poll(() => {});
    expect(await lag()).toBe(0);
  });

  it('does not list a channel whose participants were killed', async () => {
    const bus = await busOf();
    const name = uniqueName();
    const program = await startAgent('publisher', name, STAYS);
    expect((await bus.list()).map((channel) => channel.name)).toEqual([name]);
    await killed(program);
    expect(await bus.list()).toEqual([]);
  });

  it('shows who was killed while others stay', async () => {
    const bus = await busOf();
    const channel = define();
    await publisherOf(channel);
    const program = await startAgent('subscriber', channel.name, STAYS);
    await killed(program);
    const [info] = await bus.list();
    expect(info?.participants).toMatchObject([{ alive: true }, { pid: program.pid, alive: false }]);
  });

  it('lists what its define makes, in its scope', async () => {
    const local = await busOf();
    const global = await busOf({ scope: 'machine' });
    const name = uniqueName();
    await publisherOf(global.define<number>({ name, capacity: 4096 }));
    expect(await local.list()).toEqual([]);
    expect(await local.inspect(name)).toBeUndefined();
    expect(await global.list()).toMatchObject([{ name }]);
    const program = startBusProgram(`
      const bus = await openBus({ scope: 'machine' });
      for (const { name } of await bus.list()) say(name);
      await bus.close();
    `);
    expect(await program.success()).toBe(`${name}\n`);
  });

  it('lists a hundred channels, and none after they were closed', async () => {
    const bus = await busOf();
    const names = Array.from({ length: 100 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
    const publishers = await Promise.all(
      names.map((name) => bus.define({ name, capacity: 4096 }).publisher()),
    );
    expect((await bus.list()).map(({ name }) => name)).toEqual(names);
    for (const publisher of publishers) await publisher.close();
    expect(await bus.list()).toEqual([]);
  });

  it('gives the event loop its turns while it looks at many participants', async () => {
    const bus = await busOf();
    const channel = define({ maxParticipants: 1024 });
    const publisher = await channel.publisher();
    const segment = openSegment({ name: channel.name, disposition: 'open', size: 0 });
    const memory = rawMemory(segment.memory);
    // Ports of which nothing is to be found, but in the slot of the publisher: each is asked for.
    const nonces = Array.from(
      { length: 1023 },
      (_, index) => new BigInt64Array(memory, 512 + (index + 1) * 256, 2),
    );
    nonces.forEach((pair, index) => {
      pair.fill(BigInt(index) + 1n);
    });
    new DataView(memory).setUint32(SLOTS_USED, 1024, true);
    const pids = nonces.map((pair) => new Uint32Array(memory, pair.byteOffset + 32, 1));
    for (const pid of pids) pid[0] = 1;
    let turns = 0;
    let looking = true;
    const count = () => {
      turns++;
      if (looking) setImmediate(count);
    };
    setImmediate(count);
    // However fast the machine is, a thousand looks take longer than ten shares of a turn.
    for (let look = 0; turns <= 10; look++) {
      expect(look).toBeLessThan(1000);
      const info = await bus.inspect(channel.name);
      expect(info?.participants).toMatchObject([{ slot: 0, role: 'publisher' }]);
    }
    looking = false;
    for (const pair of nonces) pair.fill(0n);
    segment.close();
    await publisher.close();
  });

  it('does not keep a channel alive by looking at it, and is in no other participant’s way', async () => {
    const bus = await busOf();
    const channel = define();
    let looking = true;
    const lookAgainAndAgain = async () => {
      while (looking) {
        await bus.inspect(channel.name);
        await new Promise(setImmediate);
      }
    };
    const looks = lookAgainAndAgain();
    const program = startBusProgram(`
      const channel = defineChannel({ name: ${JSON.stringify(channel.name)}, capacity: 4096 });
      for (let i = 0; i < 200; i++) await (await channel.publisher()).close();
    `);
    await program.success();
    looking = false;
    await looks;
    expect(await bus.inspect(channel.name)).toBeUndefined();
  });

  it('leaves out a channel that it cannot look at, and reports it', async () => {
    const reports: unknown[] = [];
    const listener = (report: unknown) => reports.push(report);
    subscribe('mmfbus:directory-error', listener);
    try {
      const bus = await busOf();
      const good = define();
      await publisherOf(good);
      const bad = define();
      const publisher = await bad.publisher();
      const segment = openSegment({ name: bad.name, disposition: 'open', size: 0 });
      // The version.
      new DataView(rawMemory(segment.memory)).setUint32(8, 99, true);
      expect((await bus.list()).map(({ name }) => name)).toEqual([good.name]);
      expect(reports).toMatchObject([{ channel: bad.name, error: { code: 'VERSION_MISMATCH' } }]);
      expect(await codeOf(() => bus.inspect(bad.name))).toBe('VERSION_MISMATCH');
      segment.close();
      await publisher.close();
    } finally {
      unsubscribe('mmfbus:directory-error', listener);
    }
  });

  it('refuses names that no channel can have, and everything once it is closed', async () => {
    const bus = await openBus();
    expect(await codeOf(() => bus.inspect('mmfbus~directory'))).toBe('INVALID_NAME');
    await bus.close();
    await bus.close();
    expect(await codeOf(() => bus.list())).toBe('CLOSED');
    expect(await codeOf(() => bus.inspect('a'))).toBe('CLOSED');
    expect(await codeOf(() => bus.watch())).toBe('CLOSED');
  });

  it('shows names so that they can do no harm to a terminal', async () => {
    const bus = await busOf();
    const channel = define();
    const publisher = await channel.publisher({ name: 'a\x1b[2J\u202eb\nc' });
    expect((await bus.list())[0]?.participants[0]?.name).toBe('a\\u{1b}[2J\\u{202e}b\\u{a}c');
    await publisher.close();
  });

  it('lists the channels of Workers', async () => {
    const bus = await busOf();
    const watched = watch(bus);
    const name = uniqueName();
    const program = startBusProgram(`
      import { Worker } from 'node:worker_threads';
      const code = \`
        import { defineChannel } from '@mmfbus/channel';
        import { parentPort, threadId } from 'node:worker_threads';
        const publisher = await defineChannel({ name: '${name}', capacity: 4096 })
          .publisher({ name: 'worker-' + threadId });
        parentPort.on('message', async () => { await publisher.close(); parentPort.close(); });
        parentPort.postMessage('joined');
      \`;
      const workers = [];
      for (let i = 0; i < 2; i++) {
        const worker = new Worker(code, { eval: true, execArgv: ['--input-type=module'] });
        await new Promise((resolve) => worker.once('message', resolve));
        workers.push(worker);
      }
      say('joined');
      for (const worker of workers) {
        await new Promise((resolve) => process.stdin.once('data', resolve));
        worker.postMessage('leave');
      }
      process.stdin.destroy();
    `);
    await program.waitForLine(/joined/);
    const participants = async () => (await bus.list())[0]?.participants.map((one) => one.name);
    expect(await participants()).toEqual(['worker-1', 'worker-2']);
    program.send('one');
    await watched.until(`left ${name} as publisher worker-1`);
    expect(await participants()).toEqual(['worker-2']);
    program.send('two');
    await watched.until(`closed ${name}`);
    await program.success();
  });
});
