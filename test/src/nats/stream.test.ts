import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel, type Publisher } from '@mmfbus/channel';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { type Bridge, type BridgeOptions, openBridge, type Route } from '@mmfbus/nats';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/nats-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Host } from './hosts.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-stream');
const elsewhere = temporaryFolder('nats-elsewhere');
const third = temporaryFolder('nats-third');
const folders = temporaryFolder('nats-folders');
const order = struct({ from: string(), number: u32() });
type Order = { from: string; number: number };
const schema = canonicalText(order);

let count = 0;
let folder: string;
let server: NatsServer;
let connection: NatsConnection;
let manager: JetStreamManager;
let client: JetStreamClient;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  folder = join(folders, `${++count}`);
  server = await NatsServer.start({ folder });
  connection = await server.connect();
  manager = await jetstreamManager(connection);
  client = jetstream(connection);
  await manager.streams.add({ name: 'DESK', subjects: ['desk.>'] });
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  server.kill('SIGKILL');
});

async function bridge(routes: readonly Route[], options?: BridgeOptions): Promise<Bridge> {
  const bridge = await openBridge(connection, routes, options);
  open.push(bridge);
  return bridge;
}

async function publisherOf(name: string, capacity?: number): Promise<Publisher<Order>> {
  const publisher = await defineChannel({ name, schema: order, capacity }).publisher();
  open.push(publisher);
  return publisher;
}

async function publish(publisher: Publisher<Order>, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++) await publisher.publish({ from: 'here', number });
}

/** A host that imports from the stream. */
function importing(more: Partial<Parameters<typeof Host.start>[0]> = {}): Promise<Host> {
  return Host.start({
    url: server.url,
    directory: elsewhere,
    schema,
    routes: [{ import: 'desk.orders', into: 'copies', stream: 'DESK' }],
    options: { folder: join(folder, 'checkpoints') },
    subscribe: 'copies',
    ...more,
  });
}

const exporting: readonly Route[] = [{ export: 'orders', to: 'desk.orders', stream: 'DESK' }];

async function expectNumbers(host: Host, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++) {
    expect(await host.message()).toEqual({ from: 'here', number });
  }
}

/** Settles when the stream has so many messages. */
async function stored(messages: number): Promise<void> {
  await expect
    .poll(async () => (await manager.streams.info('DESK')).state.messages, { timeout: 60_000 })
    .toBe(messages);
}

describe('a bridge over JetStream', () => {
  it('stores what is published here, from the oldest message in the ring on, and publishes it elsewhere', async () => {
    const orders = await publisherOf('orders');
    await publish(orders, 1, 600);
    const here = await bridge(exporting);
    await publish(orders, 601, 1000);
    await stored(1000);
    const there = await importing();
    await expectNumbers(there, 1, 1000);
    expect(here.passages()).toMatchObject([{ messages: 1000, missed: 0, refused: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 1000, missed: 0, repeats: 0 }]);
    await there.close();
  });

  it('goes on where the stream ends when another bridge exports, also behind the window of duplicates', async () => {
    // The shortest that a stream can have: what comes later is stored again, whatever its id.
    await manager.streams.update('DESK', { duplicate_window: 100 * 1e6 });
    const there = await importing();
    const orders = await publisherOf('orders');
    const first = await bridge(exporting);
    await publish(orders, 1, 10);
    await expectNumbers(there, 1, 10);
    await first.close();
    await publish(orders, 11, 20);
    // What has been stored before this mark is behind the window when the mark is stored again.
    const mark = () => client.publish('desk.mark', '', { msgID: 'mark' });
    await mark();
    await expect.poll(async () => (await mark()).duplicate).toBe(false);
    const second = await bridge(exporting);
    await publish(orders, 21, 30);
    await expectNumbers(there, 11, 30);
    await stored(32);
    expect(second.passages()).toMatchObject([{ messages: 20, missed: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 30, missed: 0, repeats: 0 }]);
    await there.close();
  });

  it('drops what repeats, and goes on where it was when the importing bridge is killed', async () => {
    const orders = await publisherOf('orders');
    await bridge(exporting);
    // The channel outlives the bridge: another process subscribes to it.
    const witness = await importing({ routes: [{ import: 'desk.none', into: 'none' }], options: {} });
    let there = await importing({ subscribe: 'none' });
    await publish(orders, 1, 50);
    await expectNumbers(witness, 1, 50);
    await there.stop();
    await publish(orders, 51, 100);
    await stored(100);
    there = await importing({ subscribe: 'none' });
    await expectNumbers(witness, 51, 100);
    // Without a checkpoint it reads all of the stream, and finds in the ring what it published.
    await there.close();
    rmSync(join(folder, 'checkpoints'), { recursive: true });
    there = await importing({ subscribe: 'none' });
    await publish(orders, 101, 101);
    await expectNumbers(witness, 101, 101);
    expect(await there.passages()).toMatchObject([{ messages: 1, repeats: 100, missed: 0 }]);
    await there.close();
    await witness.close();
  });

  it('tells of a message that the stream refused, and loses no other one', async () => {
    await manager.streams.update('DESK', { max_msg_size: 400 });
    const there = await importing();
    const orders = await publisherOf('orders');
    const here = await bridge(exporting);
    const refused = new Promise((resolve) => here.once('refused', resolve));
    const text = 'x'.repeat(500);
    await publish(orders, 1, 102);
    await orders.publish({ from: text, number: 103 });
    await publish(orders, 104, 105);
    expect(await refused).toMatchObject({ channel: 'orders', sequence: 103, reason: 'TOO_LARGE' });
    await expectNumbers(there, 1, 102);
    expect(await there.event('gap')).toMatchObject({ channel: 'copies', from: 103, to: 103, count: 1 });
    await expectNumbers(there, 104, 105);
    // Also where nothing comes after it.
    await orders.publish({ from: text, number: 106 });
    expect(await there.event('gap')).toMatchObject({ from: 106, to: 106, reason: 'refused' });
    expect(await there.passages()).toMatchObject([{ messages: 104, gaps: 2, missed: 2 }]);
    await there.close();
  });

  it('takes a message that stands in the stream out of order for a repeat, and tells what is missing', async () => {
    const there = await importing();
    const put = (sequence: number, prev: number) => {
      const fields = headers();
      fields.set('Mmfbus', `1;00000000000000aa;${sequence};${prev};1790000000000000000;msgpack;far`);
      connection.publish('desk.orders.00000000000000aa', new Uint8Array([sequence]), { headers: fields });
    };
    for (const sequence of [1, 2, 3, 4, 5, 2, 6]) put(sequence, sequence - 1);
    put(9, 8);
    await connection.flush();
    // None of them has the schema of the channel.
    for (const sequence of [1, 2, 3, 4, 5, 6]) {
      expect(await there.event('refused')).toMatchObject({
        sequence,
        reason: 'SCHEMA',
        incarnation: '00000000000000aa',
      });
    }
    expect(await there.event('gap')).toMatchObject({ from: 7, to: 8, count: 2, reason: 'network' });
    await there.event('refused');
    expect(await there.passages()).toMatchObject([{ messages: 0, refused: 7, repeats: 1, missed: 2 }]);
    await there.close();
  });

  it('tells all that was overwritten, before it joined and before it read', async () => {
    const there = await importing();
    const orders = await publisherOf('orders', 4096);
    await publish(orders, 1, 500);
    await bridge(exporting);
    // The ring goes round once more: the bridge reads in turns of the event loop, of which this takes none.
    for (let number = 501; number <= 1000; number++) orders.tryPublish({ from: 'here', number });
    const gap = await there.event('gap');
    expect(gap).toMatchObject({ from: 1, reason: 'ring' });
    await expectNumbers(there, (gap['to'] as number) + 1, 1000);
    await there.close();
  });

  it('waits while the stream is full, and loses nothing of what the ring keeps', async () => {
    await manager.streams.update('DESK', { max_msgs: 10, discard: 'new' as never });
    const orders = await publisherOf('orders');
    const here = await bridge(exporting);
    const trouble = new Promise<{ error: Error }>((resolve) => here.once('trouble', resolve));
    await publish(orders, 1, 30);
    expect((await trouble).error.message).toMatch(/maximum messages exceeded/);
    await manager.streams.update('DESK', { max_msgs: -1 });
    const there = await importing();
    await expectNumbers(there, 1, 30);
    expect(here.passages()).toMatchObject([{ messages: 30, missed: 0, refused: 0 }]);
    await there.close();
  });

  it('goes on after the server was killed and is there again', async () => {
    const there = await importing();
    const orders = await publisherOf('orders');
    const here = await bridge(exporting);
    await publish(orders, 1, 500);
    await expectNumbers(there, 1, 500);
    const lost = new Promise<void>((resolve) => here.once('disconnected', resolve));
    server.kill('SIGKILL');
    await lost;
    await publish(orders, 501, 1000);
    server = await server.restart();
    await publish(orders, 1001, 1500);
    await expectNumbers(there, 501, 1500);
    expect(here.passages()).toMatchObject([{ messages: 1500, missed: 0, refused: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 1500, missed: 0 }]);
    await there.close();
  });

  it('goes on with a stream that lost its end, as after a power failure', async () => {
    const there = await importing();
    const orders = await publisherOf('orders');
    const here = await bridge(exporting);
    const kill = async () => {
      const lost = new Promise<void>((resolve) => here.once('disconnected', resolve));
      server.kill('SIGKILL');
      await lost;
    };
    await publish(orders, 1, 10);
    await expectNumbers(there, 1, 10);
    await kill();
    cpSync(join(folder, 'jetstream'), join(folder, 'before'), { recursive: true });
    server = await server.restart();
    await publish(orders, 11, 20);
    await expectNumbers(there, 11, 20);
    await kill();
    rmSync(join(folder, 'jetstream'), { recursive: true });
    renameSync(join(folder, 'before'), join(folder, 'jetstream'));
    server = await server.restart();
    // They get the numbers in the stream that were those of 11 to 20.
    await publish(orders, 21, 30);
    await expectNumbers(there, 21, 30);
    await stored(20);
    expect(here.passages()).toMatchObject([{ messages: 30, missed: 0 }]);
    expect(await there.passages()).toMatchObject([{ messages: 30, missed: 0 }]);
    await there.close();
  });

  it('sends again what is acknowledged without a place in the stream', async () => {
    await manager.streams.update('DESK', { subjects: ['desk.other'] });
    // As servers answer when a message of the same id is under way, which may come to nothing.
    let refused = 0;
    const answers = connection.subscribe('desk.orders.*', {
      callback: (_error, message) => {
        refused++;
        message.respond(JSON.stringify({ stream: 'DESK', seq: 0, duplicate: true }));
      },
    });
    const orders = await publisherOf('orders');
    const here = await bridge(exporting);
    const trouble = new Promise<{ error: Error }>((resolve) => here.once('trouble', resolve));
    await publish(orders, 1, 3);
    expect((await trouble).error.message).toMatch(/^the stream DESK has a message of the same id under way/);
    expect(here.passages()).toMatchObject([{ messages: 0 }]);
    answers.unsubscribe();
    await manager.streams.update('DESK', { subjects: ['desk.>'] });
    await stored(3);
    expect(refused).toBeGreaterThan(0);
    await expect.poll(() => here.passages()).toMatchObject([{ messages: 3, missed: 0, refused: 0 }]);
  });

  it('reads a stream of the same name anew that was deleted and made again', async () => {
    const there = await importing();
    const orders = await publisherOf('orders');
    const here = await bridge(exporting);
    await publish(orders, 1, 10);
    await expectNumbers(there, 1, 10);
    await manager.streams.delete('DESK');
    const trouble = new Promise<{ error: Error }>((resolve) => here.once('trouble', resolve));
    await publish(orders, 11, 15);
    expect((await trouble).error.message).toMatch(/^no stream answers: 503|stream not found/);
    await manager.streams.add({ name: 'DESK', subjects: ['desk.>'] });
    await publish(orders, 16, 20);
    // The new stream gets what the ring has; what was imported before is dropped.
    await expectNumbers(there, 11, 20);
    expect(here.passages()).toMatchObject([{ messages: 20, missed: 0, refused: 0 }]);
    await there.close();
  });

  it('goes round a ring of three, and ends where it began', async () => {
    const stream = 'DESK';
    const hop = (host: string, from: string, to: string) => ({
      routes: [
        { import: `desk.${from}`, into: 'orders', stream },
        { export: 'orders', to: `desk.${to}`, stream, forward: true },
      ],
      options: { host, folder: join(folder, host) },
      subscribe: 'orders',
    });
    const second = await importing(hop('second', '1', '2'));
    const last = await importing({ ...hop('last', '2', '3'), directory: third });
    const orders = await publisherOf('orders');
    const here = await bridge(
      [
        { export: 'orders', to: 'desk.1', stream, forward: true },
        { import: 'desk.3', into: 'orders', stream },
      ],
      { folder: join(folder, 'here') },
    );
    await publish(orders, 1, 100);
    await expectNumbers(second, 1, 100);
    await expectNumbers(last, 1, 100);
    // What comes round is counted, and goes no further.
    await expect.poll(() => here.passages()).toMatchObject([{ messages: 100 }, { messages: 0, own: 100 }]);
    await stored(300);
    await second.close();
    await last.close();
  });

  it('is refused a stream that there is not, and an import without a folder', async () => {
    await expect(
      openBridge(connection, [{ ...exporting[0]!, stream: 'NONE' } as Route]),
    ).rejects.toMatchObject({
      code: 'NO_STREAM',
      message: 'orders to desk.orders: there is no stream NONE: stream not found',
    });
    await expect(
      openBridge(connection, [{ import: 'desk.a', into: 'a', stream: 'DESK' }]),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('the option folder'),
    });
  });
});
