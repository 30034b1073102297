// What is refused, dropped or turned into something else on its way.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel, type Publisher, type Subscriber } from '@mmfbus/channel';
import { bytes, canonicalText, optional, string, struct, u32, u64 } from '@mmfbus/codec';
import { type Bridge, type BridgeOptions, openBridge, type Route } from '@mmfbus/nats';
import { headers, type NatsConnection } from '@nats-io/nats-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Host } from './hosts.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-messages');
const elsewhere = temporaryFolder('nats-elsewhere');
const folder = temporaryFolder('nats-configuration');
const order = struct({ from: string(), number: u32() });

let server: NatsServer;
let connection: NatsConnection;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  server = await NatsServer.start({ args: ['-c', configuration()] });
  connection = await server.connect();
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  server.kill('SIGKILL');
});

function configuration(): string {
  const path = join(folder, 'nats.conf');
  writeFileSync(path, 'max_payload: 4096\n');
  return path;
}

async function bridge(routes: readonly Route[], options?: BridgeOptions): Promise<Bridge> {
  const bridge = await openBridge(connection, routes, options);
  open.push(bridge);
  return bridge;
}

async function publisherOf<T>(channel: { publisher(): Promise<Publisher<T>> }): Promise<Publisher<T>> {
  const publisher = await channel.publisher();
  open.push(publisher);
  return publisher;
}

/** A host that exports `orders`, with that schema. */
function exporting(schema: string, more: Partial<Route> = {}): Promise<Host> {
  return Host.start({
    url: server.url,
    directory: elsewhere,
    schema,
    routes: [{ export: 'orders', to: 'desk.orders', start: 'earliest', ...more } as Route],
    publish: 'orders',
  });
}

async function subscriberOf<T>(channel: { subscriber(): Promise<Subscriber<T>> }): Promise<Subscriber<T>> {
  const subscriber = await channel.subscriber();
  open.push(subscriber);
  return subscriber;
}

async function next<T>(subscriber: Subscriber<T>): Promise<T> {
  for await (const { value } of subscriber) return value;
  throw new Error('the subscription has ended');
}

const event = <E extends 'gap' | 'refused' | 'trouble'>(of: Bridge, name: E) =>
  new Promise<unknown>((resolve) => of.once(name, resolve as never));

describe('a message', () => {
  it('that the server does not take is refused, with limit and value, and is a gap elsewhere', async () => {
    const there = await Host.start({
      url: server.url,
      directory: elsewhere,
      schema: canonicalText(order),
      routes: [{ import: 'desk.orders', into: 'copies' }],
      subscribe: 'copies',
    });
    const orders = await publisherOf(defineChannel({ name: 'orders', schema: order }));
    const here = await bridge([{ export: 'orders', to: 'desk.orders' }]);
    const refused = event(here, 'refused');
    await orders.publish({ from: 'x'.repeat(5000), number: 1 });
    await orders.publish({ from: 'here', number: 2 });
    expect(await refused).toMatchObject({
      direction: 'export',
      sequence: 1,
      reason: 'TOO_LARGE',
      message: expect.stringMatching(/^it takes 5\d\d\d bytes with its header, the server at most 4096$/),
    });
    expect(await there.event('gap')).toMatchObject({ from: 1, to: 1, count: 1, reason: 'refused' });
    expect(await there.message()).toEqual({ from: 'here', number: 2 });
    await there.close();
  });

  it('that is refused at once is told when the program can listen', async () => {
    const orders = await publisherOf(defineChannel({ name: 'orders', schema: order }));
    await orders.publish({ from: 'x'.repeat(5000), number: 1 });
    const here = await bridge([{ export: 'orders', to: 'desk.orders', start: 'earliest' }]);
    expect(await event(here, 'refused')).toMatchObject({ sequence: 1, reason: 'TOO_LARGE' });
  });

  it('of another schema is refused, unless messages are checked', async () => {
    const grown = struct({ from: string(), number: u32(), note: optional(string()) });
    const there = await exporting(canonicalText(order));
    const strict = await subscriberOf(defineChannel({ name: 'strict', schema: grown }));
    const lenient = await subscriberOf(defineChannel({ name: 'lenient', schema: grown }));
    const untyped = await subscriberOf(defineChannel({ name: 'untyped' }));
    const here = await bridge([
      { import: 'desk.orders', into: 'strict' },
      { import: 'desk.orders', into: 'lenient', check: 'messages' },
      { import: 'desk.orders', into: 'untyped' },
    ]);
    const refused = event(here, 'refused');
    there.publish(1);
    expect(await refused).toMatchObject({
      channel: 'strict',
      reason: 'SCHEMA',
      message: expect.stringMatching(
        /^its encoding is msgpack:[0-9a-f]{16}, that of the channel here msgpack:/,
      ),
    });
    expect(await next(lenient)).toEqual({ from: '', number: 1 });
    expect(await next(untyped)).toEqual({ from: '', number: 1 });
    expect(here.passages()).toMatchObject([{ refused: 1 }, { messages: 1 }, { messages: 1 }]);
    strict.unref();
    await there.close();
  });

  it('for a channel that does not exist is dropped and counted, unless the route creates it', async () => {
    const there = await exporting(canonicalText(order));
    const here = await bridge([{ import: 'desk.orders', into: 'copies' }]);
    there.publish(2);
    await expect.poll(() => here.passages()).toMatchObject([{ absent: 2, messages: 0 }]);
    const subscriber = await subscriberOf(defineChannel({ name: 'copies', schema: order }));
    // It hears of the channel some time after that.
    const got = next(subscriber);
    await expect
      .poll(() => {
        there.publish(1);
        return here.passages()[0]?.messages ?? 0;
      })
      .toBeGreaterThan(0);
    expect(await got).toMatchObject({ from: '' });
    await there.close();
  });

  it('of a client that is no bridge is refused', async () => {
    const here = await bridge([{ import: 'desk.orders', into: 'copies', create: { schema: order } }]);
    const told: unknown[] = [];
    const listener = (message: unknown) => void told.push(message);
    subscribe('mmfbus:bridge:refused', listener);
    try {
      connection.publish('desk.orders.00000000000000aa', 'hello');
      const fields = headers();
      fields.set('Mmfbus', '1;00000000000000ab;1;0;1;msgpack;x');
      connection.publish('desk.orders.00000000000000aa', 'hello', { headers: fields });
      connection.publish('desk.orders.other', 'hello');
      await expect.poll(() => here.passages()).toMatchObject([{ refused: 3, messages: 0 }]);
    } finally {
      unsubscribe('mmfbus:bridge:refused', listener);
    }
    expect(told).toMatchObject([
      { reason: 'FOREIGN', message: 'it has no header of a bridge' },
      { reason: 'FOREIGN', message: expect.stringContaining('1;00000000000000ab;1;0;1;msgpack;x') },
      { reason: 'FOREIGN', message: 'it has no header of a bridge' },
    ]);
  });

  it('waits for a slow subscriber up to a limit; what is beyond it is told as a gap, exactly', async () => {
    const there = await exporting(canonicalText(order), { whenBehind: 'wait' });
    const copies = defineChannel({ name: 'copies', schema: order, capacity: 4096 });
    const subscriber = await subscriberOf(copies);
    const here = await bridge([{ import: 'desk.orders', into: 'copies' }], { maxWaiting: 20_000 });
    const missing: number[] = [];
    const numbers: number[] = [];
    let look = () => {};
    here.on('gap', ({ from, to, reason }) => {
      expect(reason).toBe('behind');
      for (let number = from; number <= to; number++) missing.push(number);
      look();
    });
    there.publish(1000);
    // It reads nothing until all have come.
    await expect.poll(async () => (await there.passages())[0]?.messages).toBe(1000);
    await connection.flush();
    await new Promise<void>((resolve) => {
      look = () => {
        if (numbers.length + missing.length === 1000) resolve();
      };
      subscriber.on('message', ({ value }) => {
        numbers.push(value.number);
        look();
      });
    });
    expect([...numbers, ...missing].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, index) => index + 1),
    );
    expect(here.passages()).toMatchObject([{ messages: numbers.length, missed: missing.length }]);
    expect(missing.length).toBeGreaterThan(0);
    await there.close();
  });

  it('that is too large for a frame of the channel is split there', async () => {
    const there = await Host.start({
      url: server.url,
      directory: elsewhere,
      schema: canonicalText(order),
      capacity: 4096,
      routes: [{ import: 'desk.orders', into: 'copies' }],
      subscribe: 'copies',
    });
    const orders = await publisherOf(defineChannel({ name: 'orders', schema: order }));
    await bridge([{ export: 'orders', to: 'desk.orders' }]);
    // Around what fits into a frame with its origin: 1000 bytes less 32.
    for (let length = 930; length <= 1010; length++)
      await orders.publish({ from: 'x'.repeat(length), number: length });
    await orders.publish({ from: 'x'.repeat(3000), number: 3000 });
    for (let length = 930; length <= 1010; length++) {
      expect(await there.message()).toEqual({ from: 'x'.repeat(length), number: length });
    }
    expect(await there.message()).toEqual({ from: 'x'.repeat(3000), number: 3000 });
    await there.close();
  });

  it('can be JSON on its way', async () => {
    const rich = struct({
      from: string(),
      number: u32(),
      total: u64(),
      hash: bytes(),
    });
    const orders = defineChannel({ name: 'rich', schema: rich });
    const publisher = await publisherOf(orders);
    const plain = connection.subscribe('rich.>', { max: 1 });
    await bridge([{ export: 'rich', to: 'rich', payload: 'json', start: 'earliest' }]);
    await publisher.publish({
      from: 'here',
      number: 1,
      total: 2n ** 60n,
      hash: new Uint8Array([1, 2]),
    } as never);
    for await (const { data } of plain) {
      expect(Buffer.from(data).toString()).toBe(
        '{"from":"here","number":1,"total":1152921504606846976,"hash":"AQI="}',
      );
    }
    const there = await exporting(canonicalText(order), { payload: 'json' } as Partial<Route>);
    const copies = await subscriberOf(defineChannel({ name: 'copies', schema: order }));
    const other = await subscriberOf(defineChannel({ name: 'other', schema: u32() }));
    const here = await bridge([
      { import: 'desk.orders', into: 'copies' },
      { import: 'desk.orders', into: 'other' },
    ]);
    const refused = event(here, 'refused');
    there.publish(1);
    expect(await next(copies)).toEqual({ from: '', number: 1 });
    expect(await refused).toMatchObject({ channel: 'other', reason: 'SCHEMA' });
    other.unref();
    await there.close();
  });
});

describe('a bridge', () => {
  it('ends when its connection does, and leaves its channels', async () => {
    const orders = await publisherOf(defineChannel({ name: 'orders', schema: order }));
    const here = await bridge([{ export: 'orders', to: 'desk.orders' }]);
    expect(orders.subscriberCount).toBe(1);
    await connection.close();
    expect(await here.closed).toEqual({ reason: 'connection', error: undefined });
    expect([here.isOpen, orders.subscriberCount]).toEqual([false, 0]);
    await expect(openBridge(connection, [{ export: 'orders', to: 'desk.orders' }])).rejects.toMatchObject({
      code: 'CLOSED',
    });
  });

  it('can be opened again and again over one connection, and leaves nothing on it', async () => {
    const { listeners } = (connection as unknown as { protocol: { listeners: readonly unknown[] } }).protocol;
    const before = listeners.length;
    for (let times = 0; times < 3; times++) {
      await (await openBridge(connection, [{ import: 'desk.orders', into: 'copies' }])).close();
    }
    await expect.poll(() => listeners.length).toBe(before);
    expect(connection.isClosed()).toBe(false);
  });

  it('goes on with nothing while its connection drains, and ends with it', async () => {
    const orders = await publisherOf(defineChannel({ name: 'orders', schema: order }));
    const here = await bridge([{ export: 'orders', to: 'desk.orders' }]);
    const drained = connection.drain();
    for (let number = 1; number <= 100; number++) await orders.publish({ from: 'here', number });
    await drained;
    expect(await here.closed).toMatchObject({ reason: 'connection' });
  });

  it('is given up when its signal aborts, and leaves nothing', async () => {
    const reason = new Error('enough');
    const options = { signal: AbortSignal.abort(reason) };
    await expect(openBridge(connection, [{ export: 'a', to: 'b' }], options)).rejects.toBe(reason);
  });

  it.each([
    [[], {}, 'the bridge: routes must be an array with at least one route'],
    [[{ export: 'a' }], {}, 'route 1: to is missing'],
    [[{ export: 'a', import: 'b' }], {}, 'route 1: it must have either export and to, or import and into'],
    [
      [{ export: 'a', to: 'b', whenBehind: 'drop' }],
      {},
      "route 1: whenBehind must be 'gap' or 'wait', not 'drop'",
    ],
    [[{ export: 'a*', to: 'b' }], {}, 'a* to b: the subject of a* must end in >'],
    [
      [{ export: 'a', to: 'b', stream: 'S', start: 'latest' }],
      {},
      'a to b: start is for routes without a stream',
    ],
    [
      [{ import: 'a', into: 'b', create: { capacity: 5 } }],
      {},
      'b: capacity must be a whole number from 4096',
    ],
    [[{ export: 'a', to: 'b' }], { hosst: 'x' }, 'the options of a bridge: there is no "hosst"'],
  ])('refuses routes %j with %j', async (routes, options, problem) => {
    await expect(openBridge(connection, routes as never, options as never)).rejects.toThrow(problem);
  });
});
