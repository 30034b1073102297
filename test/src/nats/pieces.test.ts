import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel, type Publisher } from '@mmfbus/channel';
import { canonicalText, codecOf, string, struct, u32 } from '@mmfbus/codec';
import { type Bridge, openBridge, type Route } from '@mmfbus/nats';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/nats-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Host } from './hosts.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-pieces');
const elsewhere = temporaryFolder('nats-elsewhere');
const folders = temporaryFolder('nats-folders');
const order = struct({ from: string(), number: u32() });
type Order = { from: string; number: number };
const MAX_PAYLOAD = 16_384;

let count = 0;
let folder: string;
let server: NatsServer;
let connection: NatsConnection;
let manager: JetStreamManager;
let client: JetStreamClient;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  folder = join(folders, `${++count}`);
  const config = join(folders, 'nats.conf');
  writeFileSync(config, `max_payload: ${MAX_PAYLOAD}\n`);
  server = await NatsServer.start({ folder, args: ['-c', config] });
  connection = await server.connect();
  manager = await jetstreamManager(connection);
  client = jetstream(connection);
  await manager.streams.add({ name: 'DESK', subjects: ['desk.>'] });
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  server.kill('SIGKILL');
});

async function bridge(route: Partial<Route>): Promise<Bridge> {
  const routes = [{ export: 'orders', to: 'desk.orders', whenTooLarge: 'split', ...route } as Route];
  const bridge = await openBridge(connection, routes);
  open.push(bridge);
  return bridge;
}

async function publisherOf(name: string): Promise<Publisher<Order>> {
  const publisher = await defineChannel({ name, schema: order }).publisher();
  open.push(publisher);
  return publisher;
}

function importing(more: Partial<Parameters<typeof Host.start>[0]> = {}): Promise<Host> {
  return Host.start({
    url: server.url,
    directory: elsewhere,
    schema: canonicalText(order),
    routes: [{ import: 'desk.orders', into: 'copies', stream: 'DESK' }],
    options: { folder: join(folder, 'checkpoints') },
    subscribe: 'copies',
    ...more,
  });
}

/** A text of so many characters, none of which stands where another one may. */
function textOf(length: number): string {
  return Array.from({ length: Math.ceil(length / 8) }, (_, index) => `${index}`.padStart(8, '.'))
    .join('')
    .slice(0, length);
}

async function publish(
  publisher: Publisher<Order>,
  first: number,
  last: number,
  length: number,
): Promise<void> {
  for (let number = first; number <= last; number++) {
    await publisher.publish({ from: number % 3 === 0 ? 'short' : textOf(length), number });
  }
}

async function expectNumbers(host: Host, first: number, last: number, length: number): Promise<void> {
  for (let number = first; number <= last; number++) {
    expect(await host.message()).toEqual({ from: number % 3 === 0 ? 'short' : textOf(length), number });
  }
}

function encoded(value: Order): Uint8Array {
  const target = new Uint8Array(100_000);
  return target.slice(0, codecOf(order).encode(value, target, 0));
}

/** Stores a piece as a bridge does; returns where it ends. */
async function store(
  incarnation: string,
  {
    sequence,
    prev,
    bytes,
    offset,
    end,
  }: { sequence: number; prev: number; bytes: Uint8Array; offset: number; end: number },
): Promise<void> {
  const fields = headers();
  const part = offset === 0 && end === bytes.length ? '' : `;part;${offset};${bytes.length}`;
  fields.set(
    'Mmfbus',
    `1;${incarnation};${sequence};${prev};1790000000000000000;${await tagOf()};far${part}`,
  );
  await client.publish(`desk.orders.${incarnation}`, bytes.subarray(offset, end), { headers: fields });
}

/** What headers say of the encoding of orders. */
async function tagOf(): Promise<string> {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256').update(canonicalText(order)).digest('hex');
  return `${codecOf(order).id}:${hash.slice(0, 16)}`;
}

const FAR = '00000000000000aa';

describe('a message that is larger than the server takes', () => {
  it('goes in pieces over core NATS, in order with others, both as it is encoded and as JSON', async () => {
    const routes = [
      { import: 'desk.orders', into: 'copies' },
      { import: 'desk.json', into: 'copies' },
    ];
    const there = await importing({ routes: [routes[0] as Route], options: {} });
    const orders = await publisherOf('orders');
    const here = await bridge({});
    await publish(orders, 1, 20, 200_000);
    await expectNumbers(there, 1, 20, 200_000);
    expect(here.passages()).toMatchObject([{ messages: 20, refused: 0, missed: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 20, refused: 0, missed: 0, repeats: 0 }]);
    await here.close();
    await there.close();
    const other = await importing({ routes: [routes[1] as Route], options: {} });
    await bridge({ to: 'desk.json', payload: 'json' });
    await publish(orders, 21, 25, 200_000);
    await expectNumbers(other, 21, 25, 200_000);
    await other.close();
  });

  it('goes in pieces over JetStream, also when the server is killed in between', async () => {
    const there = await importing();
    const orders = await publisherOf('orders');
    const here = await bridge({ stream: 'DESK' });
    await publish(orders, 1, 20, 100_000);
    await expectNumbers(there, 1, 20, 100_000);
    const lost = new Promise<void>((resolve) => here.once('disconnected', resolve));
    const publishing = publish(orders, 21, 50, 100_000);
    server.kill('SIGKILL');
    await lost;
    server = await server.restart();
    await publishing;
    await expectNumbers(there, 21, 50, 100_000);
    expect(here.passages()).toMatchObject([{ messages: 50, refused: 0, missed: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 50, refused: 0, missed: 0 }]);
    await there.close();
  });

  it('goes on where a bridge before has ended in the middle of it, wherever that has cut it', async () => {
    const orders = await publisherOf('orders');
    const value = { from: textOf(50_000), number: 2 };
    await orders.publish({ from: 'short', number: 1 });
    await orders.publish(value);
    const subscriber = await defineChannel({ name: 'orders', schema: order }).subscriber();
    const incarnation = subscriber.position?.incarnation as string;
    await subscriber.close();
    const first = encoded({ from: 'short', number: 1 });
    await store(incarnation, { sequence: 1, prev: 0, bytes: first, offset: 0, end: first.length });
    const bytes = encoded(value);
    await store(incarnation, { sequence: 2, prev: 1, bytes, offset: 0, end: 9000 });
    await store(incarnation, { sequence: 2, prev: 1, bytes, offset: 9000, end: 20_000 });
    const there = await importing();
    const here = await bridge({ stream: 'DESK' });
    expect(await there.message()).toEqual({ from: 'short', number: 1 });
    expect(await there.message()).toEqual(value);
    await orders.publish({ from: 'short', number: 3 });
    expect(await there.message()).toEqual({ from: 'short', number: 3 });
    expect(here.passages()).toMatchObject([{ messages: 2, refused: 0, missed: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 3, refused: 0, missed: 0, repeats: 0 }]);
    await there.close();
  });

  it('is put together although the importing bridge is killed between its pieces', async () => {
    const bytes = encoded({ from: textOf(30_000), number: 1 });
    const witness = await importing({ routes: [] });
    let there = await importing({ subscribe: 'none' });
    await store(FAR, { sequence: 1, prev: 0, bytes, offset: 0, end: 10_000 });
    await store(FAR, { sequence: 1, prev: 0, bytes, offset: 10_000, end: 20_000 });
    // It has taken both when it says that the next message of another channel is there.
    const mark = encoded({ from: 'mark', number: 0 });
    await store('00000000000000bb', { sequence: 1, prev: 0, bytes: mark, offset: 0, end: mark.length });
    expect(await witness.message()).toEqual({ from: 'mark', number: 0 });
    await there.close();
    there = await importing({ subscribe: 'none' });
    await store(FAR, { sequence: 1, prev: 0, bytes, offset: 20_000, end: bytes.length });
    expect(await witness.message()).toEqual({ from: textOf(30_000), number: 1 });
    expect(await there.passages()).toMatchObject([{ messages: 1, missed: 0, repeats: 1 }]);
    await there.close();
    await witness.close();
  });

  it('is a gap where a piece is missing, and nothing where it repeats', async () => {
    const there = await importing();
    const value = (number: number) => ({ from: textOf(30_000), number });
    const put = (sequence: number, offset: number, end: number) =>
      store(FAR, { sequence, prev: sequence - 1, bytes: encoded(value(sequence)), offset, end });
    const { length } = encoded(value(1));
    for (const [offset, end] of [
      [0, 9000],
      [0, 9000],
      [5000, 12_000],
      [12_000, 21_000],
      [12_000, 21_000],
      [21_000, length],
    ] as const)
      await put(1, offset, end);
    expect(await there.message()).toEqual(value(1));
    await put(2, 0, 9000);
    await put(2, 10_000, 20_000);
    expect(await there.event('gap')).toMatchObject({ from: 2, to: 2, count: 1, reason: 'network' });
    await put(2, 20_000, length);
    await put(3, 0, 10_000);
    const last = encoded(value(4)).subarray(0);
    await store(FAR, { sequence: 4, prev: 3, bytes: last, offset: 0, end: 16_000 });
    expect(await there.event('gap')).toMatchObject({ from: 3, to: 3, count: 1, reason: 'network' });
    await store(FAR, { sequence: 4, prev: 3, bytes: last, offset: 16_000, end: length });
    expect(await there.message()).toEqual(value(4));
    expect(await there.passages()).toMatchObject([{ messages: 2, gaps: 2, missed: 2, repeats: 0 }]);
    await there.close();
  });

  it('is refused where a stream takes no piece, or the channel elsewhere no such message', async () => {
    await manager.streams.update('DESK', { max_msg_size: 8000 });
    const there = await importing();
    const orders = await publisherOf('orders');
    const here = await bridge({ stream: 'DESK' });
    const refused = new Promise((resolve) => here.once('refused', resolve));
    await orders.publish({ from: textOf(50_000), number: 1 });
    await orders.publish({ from: 'short', number: 2 });
    expect(await refused).toMatchObject({ sequence: 1, reason: 'TOO_LARGE' });
    expect(await there.event('gap')).toMatchObject({ from: 1, to: 1, reason: 'refused' });
    expect(await there.message()).toEqual({ from: 'short', number: 2 });
    await there.close();
    await manager.streams.update('DESK', { max_msg_size: -1 });
    await orders.publish({ from: textOf(50_000), number: 3 });
    const small = { schema: order, maxMessage: 20_000 };
    const create = await openBridge(
      connection,
      [{ import: 'desk.orders', into: 'small', stream: 'DESK', create: small }],
      {
        folder: join(folder, 'other'),
      },
    );
    open.push(create);
    await expect.poll(() => create.passages(), { timeout: 60_000 }).toMatchObject([{ own: 3 }]);
    const far = await importing({
      routes: [
        { import: 'desk.orders', into: 'tiny', stream: 'DESK', create: { maxMessage: 20_000 } as never },
      ],
      subscribe: undefined as never,
      options: { folder: join(folder, 'tiny') },
    });
    expect(await far.event('refused')).toMatchObject({
      sequence: 3,
      reason: 'TOO_LARGE',
      message: expect.stringMatching(/^it has 500\d\d bytes, the channel here carries at most 20000$/),
    });
    await far.close();
  });
});
