import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel, type Observed, type ObserveOptions, type Observer } from '@mmfbus/channel';
import { f64, json, raw, string, struct } from '@mmfbus/codec';
import { openSegment } from '@mmfbus/core/internal';
import { describe, expect, it } from 'vitest';
import { ended, killed, startAgent } from '../e2e/channel-agent.js';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { rawMemory } from '../support/raw-memory.js';
import { uniqueName } from '../support/unique-name.js';
import { busOf } from './bus-support.js';

const directory = ownDirectory('observing');

const STAYS = "process.stdin.on('end', () => process.exit()).resume();";

/** What was seen in short: `message 1`, `gap 2 to 5`. */
function inShort(one: Observed<unknown>): string {
  switch (one.kind) {
    case 'gap':
      return `gap ${one.from} to ${one.to}`;
    case 'message':
    case 'omitted':
    case 'undecodable':
      return `${one.kind} ${one.sequence}`;
    default:
      return one.kind;
  }
}

/** Iterates until it has seen that many, and leaves the observer open. */
async function take(observer: Observer, count: number): Promise<Observed<unknown>[]> {
  const seen: Observed<unknown>[] = [];
  const iterator = observer[Symbol.asyncIterator]();
  while (seen.length < count) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    seen.push(value);
  }
  return seen;
}

/** Locks of a file that a process holds, by its descriptors: the list of all locks of the system changes while it is read. */
function locksOf(process: number | 'self', path: string): number {
  const ino = `${statSync(path).ino}`;
  const directory = `/proc/${process}/fdinfo`;
  return readdirSync(directory)
    .flatMap((fd) => readIfThere(join(directory, fd)).split('\n'))
    .map((line) => line.split(/\s+/))
    .filter(([kind, , , , , , file]) => kind === 'lock:' && file?.split(':')[2] === ino).length;
}

/** Nothing of a descriptor that was closed meanwhile, such as that of the list itself. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function observe(name: string, options?: ObserveOptions): Promise<Observer> {
  return (await busOf()).observe(name, options);
}

describe('an observer', () => {
  it('sees typed messages by the schema that the channel itself has', async () => {
    const schema = struct({ symbol: string(), price: f64() });
    const channel = defineChannel({ name: uniqueName('typed'), schema });
    const publisher = await publisherOf(channel);
    await publisher.publish({ symbol: 'AAPL', price: 187.25 });
    const observer = await observe(channel.name, { start: 'earliest' });
    await publisher.publish({ symbol: 'MSFT', price: 402.5 });
    expect(observer.poll()).toMatchObject([
      { kind: 'message', sequence: 1, publisher: 0, value: { symbol: 'AAPL', price: 187.25 } },
      { kind: 'message', sequence: 2, publisher: 0, value: { symbol: 'MSFT', price: 402.5 } },
    ]);
    expect(observer.poll()).toEqual([]);
    expect(observer.position).toEqual(publisher.position);
  });

  it('begins where it is told to, and goes on at a position', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    await publisher.publishAll([1, 2, 3]);
    const bus = await busOf();
    const latest = bus.observe(channel.name);
    const position = { ...publisher.position, sequence: 1 };
    const after = bus.observe(channel.name, { start: { after: position } });
    await publisher.publish(4);
    expect(latest.poll().map(inShort)).toEqual(['message 4']);
    expect(after.poll(2).map(inShort)).toEqual(['message 2', 'message 3']);
    expect(after.position?.sequence).toBe(3);
    const other = { incarnation: '0123456789abcdef', sequence: 1 };
    expect(await codeOf(() => bus.observe(channel.name, { start: { after: other } }))).toBe(
      'OTHER_INCARNATION',
    );
    const ahead = { ...position, sequence: 5 };
    expect(await codeOf(() => bus.observe(channel.name, { start: { after: ahead } }))).toBe('SEQUENCE_AHEAD');
  });

  it('tells exactly what was overwritten before it looked', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const observer = await observe(channel.name);
    await publisher.publish(0);
    expect(observer.poll().map(inShort)).toEqual(['message 1']);
    for (let count = 2; count <= 1000; count++) await publisher.publish(count);
    const [gap, ...messages] = observer.poll();
    expect(gap).toMatchObject({ kind: 'gap', from: 2 });
    const { to = 0 } = gap as { to?: number };
    expect(gap).toMatchObject({ count: to - 1 });
    expect(messages.map(inShort)).toEqual(
      Array.from({ length: 1000 - to }, (_, index) => `message ${to + 1 + index}`),
    );
    expect(messages.length).toBeGreaterThan(10);
  });

  it('tells of what was gone already where it was to begin', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    for (let count = 1; count <= 1000; count++) await publisher.publish(count);
    const after = { ...publisher.position, sequence: 3 };
    const [gap, message] = (await observe(channel.name, { start: { after } })).poll(1);
    const { to = 0 } = gap as { to?: number };
    expect(gap).toEqual({ kind: 'gap', from: 4, to, count: to - 3 });
    expect(message).toMatchObject({ kind: 'message', sequence: to + 1 });
  });

  it('sees messages also of a publisher that laps it between any two looks', async () => {
    const channel = define({ capacity: 2 ** 20 });
    const publisher = await publisherOf(channel);
    const observer = await observe(channel.name);
    const numbers = Array.from({ length: 8000 }, (_, index) => index);
    for (let looks = 0; looks < 5; looks++) {
      for (let batch = 0; batch < 6; batch++) await publisher.publishAll(numbers);
      const kinds = observer.poll().map(({ kind }) => kind);
      expect(kinds).toContain('gap');
      expect(kinds.filter((kind) => kind === 'message').length).toBeGreaterThan(1000);
    }
  });

  it('leaves out what it is told to skip, and counts it', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const observer = await observe(channel.name);
    expect(observer.skip()).toBe(0);
    await publisher.publishAll([1, 2, 3]);
    expect(observer.poll(1).map(inShort)).toEqual(['message 1']);
    expect(observer.skip()).toBe(2);
    expect(observer.position).toEqual(publisher.position);
    for (let count = 4; count <= 1000; count++) await publisher.publish(count);
    expect(observer.skip()).toBe(997);
    await publisher.publish(1001);
    expect(observer.poll().map(inShort)).toEqual(['message 1001']);
    observer.close();
    expect(() => observer.skip()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('tells of a message as a gap of which it has skipped a part', async () => {
    const channel = define<Uint8Array>({ codec: raw(), capacity: 16_384 });
    const publisher = await publisherOf(channel);
    const subscriber = await subscriberOf(channel);
    const observer = await observe(channel.name);
    const published = publisher.publish(new Uint8Array(40_000));
    expect(observer.poll()).toEqual([]);
    expect(observer.skip()).toBe(0);
    for await (const { value } of subscriber) {
      expect(value).toHaveLength(40_000);
      break;
    }
    const { sequence } = publisher;
    expect(await published).toBe(sequence);
    await publisher.publish(new Uint8Array(1));
    expect(observer.poll().map(inShort)).toEqual([
      `gap ${sequence} to ${sequence}`,
      `message ${sequence + 1}`,
    ]);
  });

  it('is in no table, and keeps nothing alive: the last message comes, then the end', async () => {
    const channel = define();
    const publisher = await channel.publisher();
    const bus = await busOf();
    const observer = bus.observe(channel.name, { start: 'earliest' });
    expect((await bus.inspect(channel.name))?.participants).toHaveLength(1);
    await publisher.publish(1);
    await publisher.close();
    expect(await bus.inspect(channel.name)).toBeUndefined();
    expect(await take(observer, 5)).toMatchObject(
      process.platform === 'win32'
        ? [{ kind: 'ended' }]
        : [{ kind: 'message', sequence: 1 }, { kind: 'ended' }],
    );
    expect(observer.poll.bind(observer)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('follows: waits for the channel, and for the next one of its name', async () => {
    const name = uniqueName('reborn');
    const bus = await busOf();
    expect(await codeOf(() => bus.observe(name))).toBe('NOT_FOUND');
    const observer = bus.observe(name, { follow: true, start: 'earliest' });
    expect(observer.position).toBeUndefined();
    const seen: string[] = [];
    const incarnations = new Set<string | undefined>();
    const iterator = observer[Symbol.asyncIterator]();
    for (let life = 0; life < 2; life++) {
      const publisher = await define({ name }).publisher();
      for (let count = 0; count < 2; count++) {
        await publisher.publish(count);
        do seen.push(inShort((await iterator.next()).value as Observed<unknown>));
        while (!seen.at(-1)?.startsWith('message'));
      }
      incarnations.add(observer.position?.incarnation);
      await publisher.close();
    }
    await iterator.return();
    expect(seen).toEqual(['message 1', 'message 2', 'ended', 'reborn', 'message 1', 'message 2']);
    expect(incarnations.size).toBe(2);
  });

  it('takes a killed program for the end of its channel, once that is proved', async () => {
    const name = uniqueName('killed');
    const program = await startAgent(
      'publisher',
      name,
      `${STAYS} await publisher.publish(1); say('published');`,
    );
    await program.waitForLine(/published/);
    const observer = await observe(name, { start: 'earliest' });
    expect(observer.poll().map(inShort)).toEqual(['message 1']);
    await killed(program);
    expect((await take(observer, 5)).map(inShort)).toEqual(['ended']);
    // What was left behind is not the observer's to remove.
    expect(await (await busOf()).inspect(name)).toBeUndefined();
  });

  it('reads messages that were split, and tells the length of those that are longer than it takes', async () => {
    const channel = define<Uint8Array>({ codec: raw(), capacity: 16_384 });
    const publisher = await publisherOf(channel);
    const observer = await observe(channel.name, { maxMessage: 6000 });
    const seen: Observed<unknown>[] = [];
    for (const length of [5000, 6001, 6000, 3000]) {
      await publisher.publish(new Uint8Array(length).fill(length & 0xff));
      seen.push(...observer.poll());
    }
    expect(seen.map(inShort)).toEqual(['message 1', 'omitted 2', 'message 3', 'message 4']);
    expect(seen[1]).toMatchObject({ length: 6001 });
    expect(seen[2]).toMatchObject({ value: new Uint8Array(6000).fill(6000 & 0xff) });
  });

  it('tells of what cannot be decoded, and goes on', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const publisher = await publisherOf(channel);
    const observer = await observe(channel.name, { codec: json() });
    for (const text of ['{"a":1}', '{', '2']) await publisher.publish(Buffer.from(text));
    expect(observer.poll()).toMatchObject([
      { kind: 'message', value: { a: 1 } },
      { kind: 'undecodable', sequence: 2, error: { code: 'UNDECODABLE', channel: channel.name } },
      { kind: 'message', value: 2 },
    ]);
  });

  it('tells of nonsense in the ring, and goes on behind it', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const observer = await observe(channel.name);
    await publisher.publish(1);
    const segment = openSegment({ name: channel.name, disposition: 'open', size: 0 });
    const words = new Int32Array(rawMemory(segment.memory));
    words[(segment.size - 4096) / 4] = -5;
    segment.close();
    expect(observer.poll().map(inShort)).toEqual(['corrupted', 'gap 1 to 1']);
    await publisher.publish(2);
    expect(observer.poll().map(inShort)).toEqual(['message 2']);
  });

  it('ends with the loop, with its signal, with `close` and with the bus', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    await publisher.publish(1);
    const bus = await busOf();
    const left = bus.observe(channel.name, { start: 'earliest' });
    for await (const _ of left) break;
    expect(() => left.poll()).toThrow(expect.objectContaining({ code: 'CLOSED' }));

    const reason = new Error('enough');
    const ending = new AbortController();
    const aborted = bus.observe(channel.name, { signal: ending.signal });
    const failed = take(aborted, 1);
    ending.abort(reason);
    await expect(failed).rejects.toBe(reason);

    const closed = bus.observe(channel.name);
    const waiting = take(closed, 1);
    closed.close();
    closed.close();
    expect(await waiting).toEqual([]);

    const ofBus = bus.observe(channel.name);
    const waitsForBus = take(ofBus, 1);
    await bus.close();
    expect(await waitsForBus).toEqual([]);
    expect(await codeOf(() => bus.observe(channel.name))).toBe('CLOSED');
  });

  it.each<[string, object]>([
    ['start must be', { start: 'first' }],
    ['follow must be true or false', { follow: 1 }],
    ['maxMessage must be a whole number', { maxMessage: 0 }],
    ['codec must be a codec', { codec: {} }],
    ['observe() has no option "name"', { name: 'x' }],
  ])('is refused where %s', async (message, options) => {
    const channel = define();
    await publisherOf(channel);
    const bus = await busOf();
    expect(() => bus.observe(channel.name, options)).toThrow(message);
    expect(() => bus.observe(channel.name).poll(0)).toThrow('limit must be');
  });

  it('sees messages as they are published, in order, and takes no slot', async () => {
    const channel = define({ maxParticipants: 2 });
    const publisher = await publisherOf(channel);
    const subscriber = await subscriberOf(channel);
    let received = 0;
    subscriber.on('message', () => received++);
    const observers = await Promise.all(Array.from({ length: 10 }, () => observe(channel.name)));
    const seen = observers.map(() => 0);
    for (let count = 1; count <= 2000; count++) {
      await publisher.publish(count);
      for (const [index, observer] of observers.entries()) {
        for (const one of observer.poll()) {
          if (one.kind !== 'message') throw new Error(inShort(one));
          expect(one).toMatchObject({ sequence: count, value: count });
          seen[index] = count;
        }
      }
    }
    expect(seen).toEqual(observers.map(() => 2000));
    await publisher.flush();
    expect(received).toBe(2000);
  });

  it.runIf(process.platform === 'linux')('maps the channel for reading only, and locks nothing', async () => {
    const name = uniqueName('read-only');
    const program = await startAgent('publisher', name, STAYS);
    const bus = await busOf();
    const observer = bus.observe(name);
    const mapped = readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(name));
    expect(mapped.map((line) => line.split(' ')[1])).toEqual(['r--s']);
    const path = join(directory, `mmfbus.${process.geteuid?.()}.${name}`);
    expect({ publisher: locksOf(program.pid, path), own: locksOf('self', path) }).toEqual({
      publisher: 1,
      own: 0,
    });
    observer.close();
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain(name);
    await ended(program);
  });
});
