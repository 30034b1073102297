import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import type { BusChange } from '@mmfbus/channel';
import { openSegment } from '@mmfbus/core/internal';
import { describe, expect, it } from 'vitest';
import { ended, exitAtEndOfInput, killed, startAgent } from '../e2e/channel-agent.js';
import { define, publisherOf } from '../support/channels.js';
import { holdLock } from '../support/held-lock.js';
import { openResources } from '../support/open-resources.js';
import { ownDirectory } from '../support/own-directory.js';
import { rawMemory } from '../support/raw-memory.js';
import { uniqueName } from '../support/unique-name.js';
import { busOf, runBusProgram, startBusProgram, watch } from './bus-support.js';

const directory = ownDirectory('watch');

/** From FORMAT.md. */
const DIRECTORY_NAME = 'mmfbus~directory';
const TAIL_OFFSET = 256;

describe('a watch', () => {
  it('begins with what there is, and goes on with what comes and goes', async () => {
    const bus = await busOf();
    const name = uniqueName();
    const first = await startAgent('publisher', name, exitAtEndOfInput, { join: "name: 'first'" });
    const watched = watch(bus);
    await watched.until(`joined ${name} as publisher first`);
    const second = await startAgent('subscriber', name, exitAtEndOfInput, { join: "name: 'second'" });
    await watched.until(`joined ${name} as reliable second`);
    await ended(first);
    await watched.until(`left ${name} as publisher first`);
    await ended(second);
    await watched.until(`closed ${name}`);
    expect(watched.about(name)).toEqual([
      `opened ${name}`,
      `joined ${name} as publisher first`,
      `joined ${name} as reliable second`,
      `left ${name} as publisher first`,
      `left ${name} as reliable second`,
      `closed ${name}`,
    ]);
    expect(['first', 'second'].map((one) => watched.left(name, one)?.reason)).toEqual(['left', 'left']);
  });

  it('tells of the end of a channel whose only participants were killed', async () => {
    const bus = await busOf();
    const watched = watch(bus);
    const name = uniqueName();
    const programs = [
      await startAgent('publisher', name, exitAtEndOfInput, { join: "name: 'p'" }),
      await startAgent('subscriber', name, exitAtEndOfInput, { join: "name: 's'" }),
    ];
    await watched.until(`joined ${name} as reliable s`);
    for (const program of programs) await killed(program);
    await watched.until(`closed ${name}`);
    for (const one of ['p', 's']) {
      expect(watched.left(name, one)).toMatchObject({ alive: false, reason: 'died' });
    }
    expect(watched.about(name).sort()).toEqual([
      `closed ${name}`,
      `joined ${name} as publisher p`,
      `joined ${name} as reliable s`,
      `left ${name} as publisher p`,
      `left ${name} as reliable s`,
      `opened ${name}`,
    ]);
    expect(await bus.list()).toEqual([]);
  });

  it('tells of one who was killed while others stay', async () => {
    const bus = await busOf();
    const watched = watch(bus);
    const channel = define();
    const publisher = await channel.publisher({ name: 'here' });
    const program = await startAgent('subscriber', channel.name, exitAtEndOfInput, { join: "name: 'gone'" });
    await watched.until(`joined ${channel.name} as reliable gone`);
    await killed(program);
    await watched.until(`left ${channel.name} as reliable gone`);
    expect(watched.left(channel.name, 'gone')).toMatchObject({
      pid: program.pid,
      alive: false,
      reason: 'died',
    });
    await publisher.close();
    await watched.until(`closed ${channel.name}`);
    // This thread goes on.
    expect(watched.left(channel.name, 'here')).toMatchObject({
      pid: process.pid,
      alive: true,
      reason: 'left',
    });
  });

  it.skipIf(process.platform === 'win32')(
    'tells a killed one, whom another has reclaimed, from one that left',
    async () => {
      const bus = await busOf();
      const watched = watch(bus);
      const channel = define();
      const dead = await startAgent('subscriber', channel.name, exitAtEndOfInput, { join: "name: 'dead'" });
      const gone = await startAgent(
        'publisher',
        channel.name,
        `const other = await defineChannel({ name: '${uniqueName()}', capacity: 4096 }).publisher();
      process.stdin.once('data', () => publisher.close());
      ${exitAtEndOfInput}`,
        { join: "name: 'gone'" },
      );
      await watched.until(`joined ${channel.name} as publisher gone`);
      gone.send('leave');
      await watched.until(`left ${channel.name} as publisher gone`);
      expect(watched.left(channel.name, 'gone')).toMatchObject({
        pid: gone.pid,
        alive: true,
        reason: 'left',
      });
      await watched.until(`joined ${channel.name} as reliable dead`);
      await killed(dead);
      // A participant that joins reclaims the dead; this thread has not had a turn to hear of the death by itself.
      await publisherOf(channel);
      await watched.until(`left ${channel.name} as reliable dead`);
      expect(watched.left(channel.name, 'dead')).toMatchObject({
        pid: dead.pid,
        alive: false,
        reason: 'died',
      });
      await ended(gone);
    },
  );

  it('says that it does not know how one ended whose slot others have had since', async () => {
    const watched = watch(await busOf());
    const channel = define();
    const publisher = await channel.publisher({ name: 'here' });
    const program = await startAgent('subscriber', channel.name, exitAtEndOfInput, { join: "name: 'gone'" });
    await watched.until(`joined ${channel.name} as reliable gone`);
    // This thread looks only when all of that is over.
    runBusProgram(`
      process.kill(${program.pid}, 'SIGKILL');
      const bus = await openBus();
      const channel = defineChannel({ name: '${channel.name}', capacity: 4096 });
      const isListed = async () => (await bus.inspect(channel.name)).participants.some(({ pid }) => pid === ${program.pid});
      while (await isListed()) await (await channel.subscriber()).close();
      await (await channel.subscriber()).close();
      await bus.close();
    `);
    await watched.until(`left ${channel.name} as reliable gone`);
    expect(watched.left(channel.name, 'gone')).toMatchObject({ alive: false, reason: 'unknown' });
    await program.exit();
    await publisher.close();
  });

  it('is one of several, each of which gets everything', async () => {
    const bus = await busOf();
    // More than Node takes for a leak of listeners.
    const here = [watch(await busOf()), ...Array.from({ length: 12 }, () => watch(bus))];
    const elsewhere = startBusProgram(`
      const bus = await openBus();
      say('watching');
      for await (const { type, channel } of bus.watch()) {
        say(type, channel);
        if (type === 'closed') break;
      }
      await bus.close();
    `);
    await elsewhere.waitForLine(/watching/);
    const name = uniqueName();
    const program = await startAgent('publisher', name, exitAtEndOfInput);
    // Who has not looked before the death cannot tell who it was.
    for (const { until } of here) await until(`joined ${name} as publisher`);
    await elsewhere.waitForLine(new RegExp(`^joined ${name}$`));
    await killed(program);
    for (const { until } of here) await until(`closed ${name}`);
    await elsewhere.waitForLine(new RegExp(`^closed ${name}$`));
    await elsewhere.success();
    const expected = [
      `opened ${name}`,
      `joined ${name} as publisher`,
      `left ${name} as publisher`,
      `closed ${name}`,
    ];
    for (const { about } of here) expect(about(name)).toEqual(expected);
  });

  it('reports each coming and going of a channel in order', async () => {
    const bus = await busOf();
    const watched = watch(bus);
    const marker = await publisherOf(define());
    await watched.until(`opened ${marker.channel}`);
    const name = uniqueName();
    const channel = bus.define({ name, capacity: 4096 });
    for (let round = 0; round < 20; round++) await (await channel.publisher()).close();
    const last = await channel.publisher({ name: 'last' });
    await watched.until(`joined ${name} as publisher last`);
    const states = watched.about(name).filter((change) => /^(opened|closed)/.test(change));
    expect(states).toEqual(
      Array.from({ length: 41 }, (_, index) => `${index % 2 === 0 ? 'opened' : 'closed'} ${name}`),
    );
    await last.close();
  });

  const flood = `
    for (let i = 0; i < 600; i++) {
      await (await defineChannel({ name: 'flood-' + (i % 3), capacity: 4096 }).publisher()).close();
    }
  `;

  it.each(['its loop', 'its thread'])('comes right again after %s was held up for long', async (what) => {
    const bus = await busOf();
    const changes = bus.watch();
    const open = new Set<string>();
    const follow = async (until: () => boolean) => {
      while (!until()) {
        const change = (await changes.next()).value as BusChange;
        if (change.type === 'opened') open.add(change.channel);
        if (change.type === 'closed') open.delete(change.channel);
      }
    };
    const before = await define().publisher();
    await follow(() => open.has(before.channel));
    // More than waits for a slow loop; and, where the whole thread is held up, more than the directory's ring holds.
    if (what === 'its loop') await startBusProgram(flood).success();
    else runBusProgram(flood);
    const after = await define().publisher();
    await before.close();
    await follow(() => open.has(after.channel) && open.size === 1);
    await after.close();
    await follow(() => open.size === 0);
    await changes.return();
  });

  it('ends with its signal, with its loop, or with the bus', async () => {
    const bus = await busOf();
    const abort = new AbortController();
    const aborted = bus.watch({ signal: abort.signal }).next();
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(bus.watch({ signal: abort.signal }).next()).rejects.toBe(reason);

    const publisher = await define().publisher();
    for await (const { type } of bus.watch()) {
      expect(type).toBe('opened');
      break;
    }
    await publisher.close();
    const staying = await define().publisher();
    const abandoned = bus.watch();
    expect((await abandoned.next()).value).toMatchObject({ type: 'opened' });
    await staying.close();
    const waiting = bus.watch().next();
    await new Promise(setImmediate);
    await bus.close();
    // Also of the one that no caller goes on with.
    expect(readdirSync(directory)).toEqual([]);
    // It had read `joined` already.
    expect((await abandoned.next()).done).toBe(true);
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('settles what waits for it when it is left', async () => {
    const bus = await busOf();
    for (const leave of ['return', 'throw'] as const) {
      const changes = bus.watch();
      const waiting = [changes.next(), changes.next()];
      await new Promise(setImmediate);
      const reason = new Error('enough');
      if (leave === 'return') expect(await changes.return()).toEqual({ done: true, value: undefined });
      else await expect(changes.throw(reason)).rejects.toBe(reason);
      for (const one of waiting) expect(await one).toEqual({ done: true, value: undefined });
    }
    await bus.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('that is never iterated leaves nothing', async () => {
    const bus = await busOf();
    const before = openResources();
    const abort = new AbortController();
    const watches = Array.from({ length: 20 }, () => bus.watch({ signal: abort.signal }));
    expect(openResources()).toEqual(before);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    await bus.close();
    for (const one of watches) expect(await one.next()).toEqual({ done: true, value: undefined });
  });

  it('leaves nothing on its signal when it ends otherwise', async () => {
    const bus = await busOf();
    const abort = new AbortController();
    const changes = bus.watch({ signal: abort.signal });
    const waiting = changes.next();
    expect(getEventListeners(abort.signal, 'abort').length).toBe(1);
    await changes.return();
    await waiting;
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  describe('where the directory’s lock is never given back', () => {
    it.each(['the bus closes', 'its signal aborts', 'it is left'])('ends when %s', async (how) => {
      const bus = await busOf();
      const holder = await startAgent('publisher', uniqueName(), exitAtEndOfInput);
      const lock = holdLock(DIRECTORY_NAME, holder.pid);
      const abort = new AbortController();
      const changes = bus.watch({ signal: abort.signal });
      const waiting = changes.next();
      // Joining has found the lock taken, again and again, by then.
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      if (how === 'the bus closes') await bus.close();
      else if (how === 'it is left') await changes.return();
      else abort.abort('enough');
      if (abort.signal.aborted) await expect(waiting).rejects.toBe('enough');
      else expect(await waiting).toEqual({ done: true, value: undefined });
      await bus.close();
      lock.release();
      await ended(holder);
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('throws to its loop that the directory makes no sense, and nowhere else', async () => {
    const program = startBusProgram(`
      process.on('uncaughtException', (error) => say('uncaught', error));
      process.on('unhandledRejection', (error) => say('unhandled', error));
      const bus = await openBus();
      try {
        for await (const { type } of bus.watch()) say(type);
      } catch (error) {
        say('caught', error.code);
      }
      await bus.close();
    `);
    const publisher = await define().publisher();
    await program.waitForLine(/joined/);
    const segment = openSegment({ name: DIRECTORY_NAME, disposition: 'open', size: 0 });
    new BigInt64Array(rawMemory(segment.memory), TAIL_OFFSET, 1)[0] = -64n;
    segment.close();
    // A participant that joins the directory rings those that sleep.
    await startBusProgram('await openBus().then((bus) => bus.close());').success();
    expect(await program.success()).toBe('opened\njoined\ncaught CORRUPTED\n');
    await publisher.close();
  });
});
