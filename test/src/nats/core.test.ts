import { defineChannel, openBus, type Publisher } from '@mmfbus/channel';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { type Bridge, type BridgeOptions, openBridge, type Route } from '@mmfbus/nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Host } from './hosts.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-core');
const elsewhere = temporaryFolder('nats-elsewhere');
const third = temporaryFolder('nats-third');
const order = struct({ from: string(), number: u32() });
const schema = canonicalText(order);

let server: NatsServer;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  server = await NatsServer.start();
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  server.kill('SIGKILL');
});

async function bridge(routes: readonly Route[], options?: BridgeOptions): Promise<Bridge> {
  const connection = await server.connect();
  const bridge = await openBridge(connection, routes, options);
  open.push(connection, bridge);
  return bridge;
}

async function publisherOf(
  name: string,
  capacity?: number,
): Promise<Publisher<{ from: string; number: number }>> {
  const publisher = await defineChannel({ name, schema: order, capacity }).publisher();
  open.push(publisher);
  return publisher;
}

async function publish(publisher: Publisher<{ from: string; number: number }>, first: number, last: number) {
  for (let number = first; number <= last; number++) await publisher.publish({ from: 'here', number });
}

/** A host that imports from `desk.orders`. */
function importing(more: Partial<Parameters<typeof Host.start>[0]> = {}): Promise<Host> {
  return Host.start({
    url: server.url,
    directory: elsewhere,
    schema,
    routes: [{ import: 'desk.orders', into: 'copies' }],
    subscribe: 'copies',
    ...more,
  });
}

async function expectNumbers(host: Host, first: number, last: number, from = 'here'): Promise<void> {
  for (let number = first; number <= last; number++) expect(await host.message()).toEqual({ from, number });
}

describe('a bridge over core NATS', () => {
  it('carries what is published here to a channel elsewhere', async () => {
    const there = await importing();
    const orders = await publisherOf('orders');
    await publish(orders, 1, 2);
    const here = await bridge([{ export: 'orders', to: 'desk.orders', start: 'earliest' }]);
    await publish(orders, 3, 4);
    await expectNumbers(there, 1, 4);
    expect(await there.passages()).toMatchObject([{ channel: 'copies', messages: 4, missed: 0, refused: 0 }]);
    expect(here.passages()).toMatchObject([{ channel: 'orders', subject: 'desk.orders', messages: 4 }]);
    await there.close();
  });

  it('begins with what comes, unless told otherwise', async () => {
    const there = await importing();
    const orders = await publisherOf('orders');
    await publish(orders, 1, 2);
    const here = await bridge([{ export: 'orders', to: 'desk.orders' }]);
    // It has joined when it is a subscriber.
    await orders.waitForSubscribers();
    await publish(orders, 3, 4);
    await expectNumbers(there, 3, 4);
    expect(here.passages()).toMatchObject([{ messages: 2 }]);
    await there.close();
  });

  it('finds the channels of a pattern, also later ones, and gives them their names elsewhere', async () => {
    const there = await importing({
      routes: [{ import: 'desk.all.>', into: 'copies.*' }],
      subscribe: 'copies.b.c',
    });
    const one = await publisherOf('orders.a');
    await bridge([{ export: 'orders.*', to: 'desk.all.>', start: 'earliest' }]);
    await publish(one, 1, 1);
    const two = await publisherOf('orders.b.c');
    await publish(two, 1, 3);
    await expectNumbers(there, 1, 3);
    await there.close();
  });

  it('leaves a channel whose publishers are gone, and comes back with the next one', async () => {
    const there = await importing();
    const here = await bridge([{ export: 'orders', to: 'desk.orders' }]);
    const bus = await openBus();
    open.push(bus);
    const changes = bus.watch();
    for (const life of [1, 2]) {
      const orders = await publisherOf('orders');
      await publish(orders, 1, 3);
      await expectNumbers(there, 1, 3);
      // The bridge would keep the channel alive, with all of its ring.
      await orders.close();
      for (;;) {
        const { value } = await changes.next();
        if (value?.type === 'closed' && value.channel === 'orders') break;
      }
      expect(here.passages()).toMatchObject([{ messages: 3 * life }]);
    }
    await there.close();
  });

  it('carries what publishers have published that were gone before it joined, while others keep the channel', async () => {
    const there = await importing();
    const subscriber = await defineChannel({ name: 'orders', schema: order }).subscriber();
    open.push(subscriber);
    await bridge([{ export: 'orders', to: 'desk.orders' }]);
    for (let number = 1; number <= 20; number++) {
      const orders = await defineChannel({ name: 'orders', schema: order }).publisher();
      await publish(orders, number, number);
      await orders.close();
    }
    await expectNumbers(there, 1, 20);
    await there.close();
  });

  it('carries both ways at once, and nothing back to where it came from', async () => {
    const routes = (from: string, to: string): Route[] => [
      { export: 'orders', to: `desk.${from}`, start: 'earliest' },
      { import: `desk.${to}`, into: 'orders' },
    ];
    const there = await importing({
      routes: routes('there', 'here'),
      options: { host: 'there' },
      subscribe: 'orders',
      publish: 'orders',
    });
    const orders = defineChannel({ name: 'orders', schema: order });
    const subscriber = await orders.subscriber();
    const publisher = await orders.publisher();
    open.push(subscriber, publisher);
    const here = await bridge(
      routes('here', 'there').map((route) =>
        'into' in route ? { ...route, create: { schema: order } } : route,
      ),
    );
    there.publish(3);
    await publish(publisher, 1, 3);
    const got: unknown[] = [];
    for await (const { value } of subscriber) if (got.push(value) === 6) break;
    const gotThere: unknown[] = [];
    while (gotThere.length < 6) gotThere.push(await there.message());
    for (const all of [got, gotThere]) {
      for (const from of ['here', 'there']) {
        expect(all.filter((value) => (value as { from: string }).from === from)).toEqual(
          [1, 2, 3].map((number) => ({ from, number })),
        );
      }
    }
    for (const passages of [here.passages(), await there.passages()]) {
      expect(passages.map(({ messages }) => messages)).toEqual([3, 3]);
    }
    await there.close();
  });

  it('goes round a ring of three, and ends where it began', async () => {
    const hop = (host: string, from: string, to: string) => ({
      options: { host },
      routes: [
        { import: `ring.${from}`, into: 'orders' },
        { export: 'orders', to: `ring.${to}`, forward: true, start: 'earliest' as const },
      ],
      subscribe: 'orders',
    });
    const second = await importing({ ...hop('second', '1', '2') });
    const last = await importing({ ...hop('last', '2', '3'), directory: third });
    const orders = await publisherOf('orders');
    const here = await bridge([
      { export: 'orders', to: 'ring.1', forward: true, start: 'earliest' },
      { import: 'ring.3', into: 'orders' },
    ]);
    await publish(orders, 1, 3);
    await expectNumbers(second, 1, 3);
    await expectNumbers(last, 1, 3);
    // What comes round is counted, and goes no further.
    await expect.poll(() => here.passages()).toMatchObject([{ messages: 3 }, { messages: 0, own: 3 }]);
    await second.close();
    await last.close();
  });

  it('tells what was overwritten before it was read, on both sides', async () => {
    const there = await importing();
    const orders = await publisherOf('orders', 4096);
    const here = await bridge([{ export: 'orders', to: 'desk.orders', start: 'earliest' }]);
    await publish(orders, 1, 1);
    await expectNumbers(there, 1, 1);
    const told = new Promise((resolve) => here.once('gap', resolve));
    // It reads in turns of the event loop, of which this takes none.
    for (let number = 2; number <= 1000; number++) orders.tryPublish({ from: 'here', number });
    const gap = { channel: 'orders', reason: 'ring', from: 2 };
    expect(await told).toMatchObject({ direction: 'export', ...gap });
    const { to, count, incarnation } = (await told) as { to: number; count: number; incarnation: string };
    expect(count).toBe(to - 1);
    expect(incarnation).toBe(orders.position.incarnation);
    const elsewhere = await there.event('gap');
    expect(elsewhere).toMatchObject({
      direction: 'import',
      channel: 'copies',
      reason: 'ring',
      from: 2,
      to,
      count,
    });
    await expectNumbers(there, to + 1, 1000);
    await there.close();
  });
});
