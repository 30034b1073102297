import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync } from 'node:fs';
import { ChannelError, type DirectoryFailure, openBus } from '@mmfbus/channel';
import { openSegment, type Segment } from '@mmfbus/core/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitAtEndOfInput, killed, startAgent } from '../e2e/channel-agent.js';
import { randomFrom } from '../killed/mortal.js';
import { define, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { rawMemory } from '../support/raw-memory.js';
import { uniqueName } from '../support/unique-name.js';
import { busOf, startBusProgram, watch } from './bus-support.js';

const directory = ownDirectory('registering');

/** From FORMAT.md. */
const DIRECTORY_NAME = 'mmfbus~directory';
const FORMAT_VERSION = 8;
const PARTICIPANT_COUNT = 44;
const PUBLISHER_LOCK = 192;
const PARTICIPANTS = 512;
const PARTICIPANT_LENGTH = 256;
const ENTRY_LENGTH = 192;
const RING_OFFSET = 24;
const SEED = 20_261;
/** Processes that run at a time. */
const BATCH = 6;

const onWindows = process.platform === 'win32';
/** From one store that a process dies at to the next. A start takes a second under Wine. */
const STRIDE = onWindows ? 5 : 1;

const reports: DirectoryFailure[] = [];
const listener = (report: unknown) => reports.push(report as DirectoryFailure);
beforeEach(() => subscribe('mmfbus:directory-error', listener));
afterEach(() => {
  unsubscribe('mmfbus:directory-error', listener);
  reports.length = 0;
});

/** The directory's memory, which is there while any participant has a channel or a bus open. */
function directorySegment(): Segment {
  return openSegment({ name: DIRECTORY_NAME, disposition: 'open', size: 0 });
}

/** Where the entries begin, and how many there are. */
function entriesOf({ memory }: Segment): { readonly start: number; readonly count: number } {
  const view = new DataView(rawMemory(memory));
  const start = PARTICIPANTS + view.getUint32(PARTICIPANT_COUNT, true) * PARTICIPANT_LENGTH;
  return { start, count: Math.floor((view.getUint32(RING_OFFSET, true) - start) / ENTRY_LENGTH) };
}

/** One message through a channel, whatever the directory is like. */
async function talk(): Promise<void> {
  const channel = define();
  const subscriber = await subscriberOf(channel);
  const publisher = await publisherOf(channel);
  const arrived = new Promise<number>((resolve) => subscriber.once('message', ({ value }) => resolve(value)));
  publisher.tryPublish(7);
  expect(await arrived).toBe(7);
  await publisher.close();
  await subscriber.close();
}

describe('a channel works', () => {
  it('where the directory is of another version', async () => {
    const segment = openSegment({
      name: DIRECTORY_NAME,
      disposition: 'create',
      size: 2 ** 16,
      initialise: (memory) => {
        memory.set(Buffer.from('mmfbusch'));
        new DataView(memory.buffer).setUint32(FORMAT_VERSION, 9, true);
      },
    });
    await talk();
    expect(reports.map(({ error }) => (error as { code: string }).code)).toEqual([
      'VERSION_MISMATCH',
      'VERSION_MISMATCH',
    ]);
    await expect(openBus()).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
    segment.close();
  });

  it('where the directory’s lock makes no sense', async () => {
    const bus = await busOf();
    const segment = directorySegment();
    const lock = new Int32Array(rawMemory(segment.memory), PUBLISHER_LOCK, 1);
    lock[0] = -1;
    new DataView(rawMemory(segment.memory)).setUint32(PARTICIPANT_COUNT, 1024, true);
    await talk();
    lock[0] = 0;
    segment.close();
    expect(await bus.list()).toEqual([]);
  });

  it('where the directory holds nothing but nonsense', async () => {
    const random = randomFrom(SEED);
    for (let round = 0; round < 10; round++) {
      const bus = await openBus();
      const segment = directorySegment();
      const words = new Int32Array(rawMemory(segment.memory), PUBLISHER_LOCK);
      for (let index = 0; index < words.length; index++) words[index] = random(2 ** 32);
      await talk();
      // What it says of such a directory is undefined; that it comes to an end is what counts.
      await bus.list().catch((error: unknown) => expect(error).toBeInstanceOf(ChannelError));
      segment.close();
      await bus.close();
    }
  });

  it('where all entries are taken; it is listed once there is room', async () => {
    const bus = await busOf();
    const segment = directorySegment();
    const { start, count } = entriesOf(segment);
    const channel = define();
    const open = await publisherOf(channel);
    // Every entry names the one channel that is open, so that none can be struck.
    const first = new Uint8Array(rawMemory(segment.memory), start, ENTRY_LENGTH);
    for (let index = 1; index < count; index++) {
      new Uint8Array(rawMemory(segment.memory), start + index * ENTRY_LENGTH, ENTRY_LENGTH).set(first);
    }
    await talk();
    expect(reports).toMatchObject([
      { error: { code: 'TOO_MANY_CHANNELS' } },
      { error: { code: 'TOO_MANY_CHANNELS' } },
    ]);
    expect((await bus.list()).map(({ name }) => name)).toEqual([channel.name]);
    // Entries of channels that are gone make room.
    await open.close();
    const dead = new Uint8Array(rawMemory(segment.memory), start, ENTRY_LENGTH);
    dead[0] = 1;
    dead.set(Buffer.from('gone'), 64);
    for (let index = 1; index < count; index++) {
      new Uint8Array(rawMemory(segment.memory), start + index * ENTRY_LENGTH, ENTRY_LENGTH).set(dead);
    }
    segment.close();
    const next = await publisherOf(define());
    expect((await bus.list()).map(({ name }) => name)).toEqual([next.channel]);
  });

  it.skipIf(onWindows)('where a stopped participant holds the directory’s lock', async () => {
    const bus = await busOf();
    const holder = await startAgent('publisher', uniqueName('holder'), exitAtEndOfInput);
    const segment = directorySegment();
    // The generation and the slot of the other process.
    const slot = 1;
    const generation = new DataView(rawMemory(segment.memory)).getUint32(
      PARTICIPANTS + slot * PARTICIPANT_LENGTH + 36,
      true,
    );
    const lock = new Int32Array(rawMemory(segment.memory), PUBLISHER_LOCK, 1);
    holder.kill('SIGSTOP');
    Atomics.store(lock, 0, (generation << 10) | slot);
    const channel = define();
    const publisher = await publisherOf(channel);
    expect(publisher.tryPublish(1)).toBe('published');
    expect(reports).toEqual([]);
    await killed(holder);
    const watched = watch(bus);
    await watched.until(`opened ${channel.name}`);
    expect(Atomics.load(lock, 0)).toBe(0);
    segment.close();
  });

  it('and is left for good, where another participant is at work in the directory', async () => {
    const other = await startAgent('publisher', uniqueName('other'), exitAtEndOfInput);
    const publisher = await publisherOf(define());
    const segment = directorySegment();
    const lock = new Int32Array(rawMemory(segment.memory), PUBLISHER_LOCK, 1);
    // The generation of the other process, in slot 0.
    const generation = new DataView(rawMemory(segment.memory)).getUint32(PARTICIPANTS + 36, true);
    // Ours; the first is the other one's.
    const entry = entriesOf(segment).start + ENTRY_LENGTH;
    const state = () => new DataView(rawMemory(segment.memory)).getUint32(entry, true);
    Atomics.store(lock, 0, generation << 10);
    const closed = publisher.close();
    expect(state()).toBe(1);
    setImmediate(() => Atomics.store(lock, 0, 0));
    await closed;
    expect(state()).toBe(2);
    segment.close();
    other.endInput();
    await other.success();
  });
});

describe('the last one to leave a channel takes it off the list', () => {
  it.each([
    ['in good order', 'await publisher.close();'],
    ['by process.exit()', 'process.exit();'],
    ['by falling off the end', ''],
    [
      'by an uncaught exception',
      "process.on('uncaughtException', () => process.exit(0)); throw new Error('x');",
    ],
  ])('%s', async (_how, end) => {
    const bus = await busOf();
    const segment = directorySegment();
    const { start } = entriesOf(segment);
    const state = () => new DataView(rawMemory(segment.memory)).getUint32(start, true);
    const program = startBusProgram(`
      const publisher = await defineChannel({ name: '${uniqueName()}', capacity: 4096 }).publisher();
      say('joined');
      await new Promise((resolve) => process.stdin.once('data', resolve));
      process.stdin.destroy();
      ${end}
    `);
    await program.waitForLine(/joined/);
    expect(state()).toBe(1);
    program.send('end');
    await program.success();
    // No process looked since: it was the leaving process itself.
    expect(state()).toBe(2);
    segment.close();
    expect(await bus.list()).toEqual([]);
  });
});

describe('a process that dies at any of its stores to shared memory', () => {
  /** Dies right before its n-th atomic access that stores; 0 for never. Says how many it made. */
  const mortal = (name: string, fatal: number) => `
    let stores = 0;
    for (const operation of ['store', 'exchange', 'compareExchange', 'add', 'sub']) {
      const original = Atomics[operation];
      Atomics[operation] = (...args) => {
        if (++stores === ${fatal}) process.kill(process.pid, 'SIGKILL');
        return original(...args);
      };
    }
    const publisher = await defineChannel({ name: '${name}', capacity: 4096 }).publisher({ name: 'mortal' });
    await publisher.close();
    say('stores', stores);
  `;

  it('while it joins and leaves, leaves a list that is right and a directory that works', {
    timeout: 300_000,
  }, async () => {
    const bus = await busOf();
    const watched = watch(bus);
    const whole = await startBusProgram(mortal(uniqueName(), 0)).success();
    const stores = Number(/^stores (\d+)$/m.exec(whole)?.[1]);
    expect(stores).toBeGreaterThan(40);
    for (let from = 1; from <= stores; from += BATCH * STRIDE) {
      const numbers = Array.from({ length: BATCH }, (_, index) => from + index * STRIDE);
      await Promise.all(
        numbers.map(async (fatal) => {
          const { signal, status, stderr } = await startBusProgram(
            mortal(uniqueName(`at-${fatal}`), fatal),
          ).exit();
          expect(stderr).toBe('');
          // Windows knows no signals. How often it finds the lock taken differs from run to run.
          expect(signal ?? status, stderr).toSatisfy(
            (end) => end === 'SIGKILL' || end === 0 || (end === 1 && onWindows),
          );
        }),
      );
    }
    expect(await bus.list()).toEqual([]);
    const marker = await publisherOf(define());
    await watched.until(`opened ${marker.channel}`);
    await marker.close();
    await watched.until(`closed ${marker.channel}`);
    for (const name of new Set(watched.changes.map(({ channel }) => channel))) {
      const about = watched.about(name);
      expect(about.at(-1), about.join(', ')).toBe(`closed ${name}`);
      expect(about.filter((change) => change.startsWith('opened')).length).toBe(
        about.filter((change) => change.startsWith('closed')).length,
      );
    }
    expect(reports).toEqual([]);
    // The sweep of what died before it had a slot comes with the next process.
    await bus.close();
    await startBusProgram(mortal(uniqueName(), 0)).success();
    expect(readdirSync(directory)).toEqual([]);
  });
});
