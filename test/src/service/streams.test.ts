import { afterEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { type DeskClient, desk, handlersOf, Journal } from './desk.js';

ownDirectory('streams');

const closing: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function toClose<C extends AsyncDisposable>(one: C): C {
  closing.push(one);
  return one;
}

async function stage() {
  const service = desk(uniqueName('streams'));
  const journal = new Journal();
  const server = toClose(await service.serve(handlersOf(journal, 'one')));
  const client: DeskClient = toClose(await service.client());
  return { service, journal, server, client };
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('a stream of answers', () => {
  it('brings all items in order', async () => {
    const { client, journal } = await stage();
    expect(await collect(client.count(0))).toEqual([]);
    expect(await collect(client.count(20_000))).toEqual(numbers(20_000));
    expect(journal.lines).toEqual(['count ended', 'count ended']);
  });

  it('is left by break: the generator ends there', async () => {
    const { client, journal } = await stage();
    for await (const item of client.count(1e9)) if (item === 5) break;
    await journal.waitFor('count was left');
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
  });

  it('waits for a program that takes nothing, and holds up no other call', async () => {
    const { client, journal, server } = await stage();
    const stream = client.count(1e9);
    expect((await stream.next()).value).toBe(0);
    for (let index = 0; index < 100; index++) await client.add({ a: 1, b: index });
    expect(server.outstanding).toBe(1);
    for await (const item of stream) {
      // A call within the loop, whose answer comes behind the items.
      expect(await client.add({ a: 1, b: item })).toBe(1 + item);
      if (item === 10_000) break;
    }
    await stream.finished;
    await journal.waitFor('count was left');
  });

  it('fails where its server closes before its end: it is never taken for whole', async () => {
    const { client, journal, server } = await stage();
    const stream = client.count(1e9);
    expect((await stream.next()).value).toBe(0);
    const failing = expect(collect(stream)).rejects.toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    await server.close();
    await failing;
    expect(journal.lines).toEqual(['count was left']);
  });

  it('ends with the error of its call', async () => {
    const { client } = await stage();
    const controller = new AbortController();
    const stream = client.count(1e9, { signal: controller.signal });
    await stream.next();
    controller.abort();
    await expect(collect(stream)).rejects.toMatchObject({ code: 'CANCELLED', started: 'maybe' });
    await expect(stream.finished).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  it('is one of many', async () => {
    const { client } = await stage();
    const streams = await Promise.all(Array.from({ length: 40 }, () => collect(client.count(3000))));
    for (const items of streams) expect(items).toEqual(numbers(3000));
  });
});

describe('a stream of inputs', () => {
  it('brings all items', async () => {
    const { client } = await stage();
    expect(await client.sum([])).toBe(0);
    expect(await client.sum(numbers(30_000))).toBe((29_999 * 30_000) / 2);
    const generated = (async function* () {
      for (const item of numbers(5000)) yield item;
    })();
    expect(await client.sum(generated)).toBe((4999 * 5000) / 2);
  });

  it('gives the call up where the program throws', async () => {
    const { client, server } = await stage();
    const failing = (function* () {
      yield 1;
      throw new RangeError('no more');
    })();
    await expect(client.sum(failing)).rejects.toThrow('no more');
    await expect(client.sum(['one' as never])).rejects.toMatchObject({ code: 'REFUSED', started: 'maybe' });
    await expect.poll(() => server.outstanding).toBe(0);
  });

  it('is left where the call is over', async () => {
    const { client } = await stage();
    let leave = (): void => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const endless = (async function* () {
      try {
        for (;;) yield 1;
      } finally {
        leave();
      }
    })();
    await expect(client.sum(endless, { timeout: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await left;
  });
});

describe('streams both ways', () => {
  it('bring all items', async () => {
    const { client } = await stage();
    expect(await collect(client.double(numbers(20_000)))).toEqual(numbers(20_000).map((item) => 2 * item));
  });

  it('may be pulled by one another', async () => {
    const { client } = await stage();
    const twice = client.double(client.double(client.count(5000)));
    expect(await collect(twice)).toEqual(numbers(5000).map((item) => 4 * item));
  });
});
