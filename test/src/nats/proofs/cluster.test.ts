// Servers of a cluster of three are killed while messages go from one machine to another by a stream of three replicas: what was
// acknowledged is lost with none of them, and each message arrives once, in order, or in a gap that both bridges tell.
import { join } from 'node:path';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { addStream, Cluster, untilDone, Watchdog, wholeStream } from '../cluster.js';
import { Host, type HostOptions } from '../hosts.js';

/** How often the leader is lost. */
const LOSSES = 3;
const MESSAGES_A_LOSS = 2000;
/** Seconds: elections and requests that are not answered take up to ten. */
const SILENCE = 60;
const STREAM = 'DESK';
const schema = canonicalText(struct({ from: string(), number: u32() }));

const one = temporaryFolder('nats-one');
const two = temporaryFolder('nats-two');
const folders = temporaryFolder('nats-folders');

let count = 0;
let folder: string;
let cluster: Cluster;
let connection: NatsConnection;
let manager: JetStreamManager;
let watchdog: Watchdog;
let hosts: Record<string, Host>;

beforeEach(async () => {
  folder = join(folders, `${++count}`);
  hosts = {};
  cluster = await Cluster.start(folder);
  watchdog = new Watchdog(SILENCE, explain);
  connection = await cluster.connect();
  manager = await jetstreamManager(connection, { checkAPI: false });
  await watchdog.over('makes the stream', addStream(manager, { name: STREAM, subjects: ['desk.>'] }));
});

async function explain(): Promise<string> {
  const told = Object.entries(hosts).map(async ([name, host]) => {
    const passages = await Promise.race([
      host.passages().catch(String),
      new Promise((resolve) => setTimeout(resolve, 5000, 'does not answer')),
    ]);
    return `${name}: ${JSON.stringify(passages)}\n${host.events.join('\n')}`;
  });
  return [...(await Promise.all(told)), await cluster.describe(STREAM)].join('\n');
}

/** Clients hear of the other servers from the one that they are told. */
async function start(name: string, options: Omit<HostOptions, 'url' | 'schema'>, at?: string): Promise<Host> {
  const url = cluster.urlOf(at ?? (cluster.names[0] as string));
  // An election may go on, which takes longer than opening a bridge does elsewhere.
  const patient = { ...options, options: { timeout: SILENCE * 1000, ...options.options } };
  const host = await watchdog.over(`starts ${name}`, Host.start({ url, schema, ...patient }));
  hosts[name] = host;
  return host;
}

const startPublisher = (more: Partial<HostOptions> = {}, at?: string) =>
  start(
    'publisher',
    {
      directory: one,
      routes: [{ export: 'orders', to: 'desk.orders', stream: STREAM }],
      publish: 'orders',
      ...more,
    },
    at,
  );

const startSubscriber = (at?: string) =>
  start(
    'subscriber',
    {
      directory: two,
      routes: [{ import: 'desk.orders', into: 'copies', stream: STREAM }],
      options: { folder: join(folder, 'checkpoints') },
      subscribe: 'copies',
    },
    at,
  );

/** Numbers of the messages that the stream has, as their channel counts them, in the order of the stream. */
async function stored(): Promise<number[]> {
  const { state } = await wholeStream(manager, STREAM);
  const consumer = await untilDone(() => jetstream(connection).consumers.get(STREAM, {}));
  const numbers: number[] = [];
  if (state.messages === 0) return numbers;
  for await (const { headers, seq } of await consumer.consume()) {
    numbers.push(Number(headers?.get('Mmfbus').split(';')[2]));
    if (seq === state.last_seq) break;
  }
  return numbers;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('a cluster of three servers', () => {
  it('loses nothing when the leader is killed again and again', { timeout: 600_000 }, async () => {
    const publisher = await startPublisher();
    const subscriber = await startSubscriber();
    let [published, seen] = [0, 0];
    const see = async (number: number, when: string) => {
      while (seen < number) {
        const message = await watchdog.over(`message ${seen + 1} ${when}`, subscriber.message());
        expect(message, when).toEqual({ from: '', number: ++seen });
      }
    };
    for (let loss = 1; loss <= LOSSES; loss++) {
      const { leader } = await watchdog.over('a whole cluster', wholeStream(manager, STREAM));
      publisher.publish(MESSAGES_A_LOSS);
      published += MESSAGES_A_LOSS;
      await see(published - 0.75 * MESSAGES_A_LOSS, `before loss ${loss}`);
      cluster.kill(leader);
      await see(published, `without ${leader}, after loss ${loss}`);
      await cluster.restart(leader);
    }
    expect(await watchdog.over('reads the stream', stored())).toEqual(upTo(published));
    for (const host of [publisher, subscriber]) {
      expect(await host.passages()).toMatchObject([{ messages: published, gaps: 0, missed: 0, refused: 0 }]);
      await host.close();
    }
  });

  it('loses nothing when a server stays dead that had the connection and the consumer', {
    timeout: 600_000,
  }, async () => {
    const publisher = await startPublisher({}, 'server-1');
    let subscriber = await startSubscriber('server-0');
    // The cluster places each consumer as it likes. Those of before may be there for a while.
    const before = new Set<string>();
    const newConsumer = async () => {
      const consumer = (await manager.consumers.list(STREAM).next()).find(({ name }) => !before.has(name));
      if (consumer === undefined) throw new Error('there is no consumer yet');
      return consumer;
    };
    for (;;) {
      const { name, cluster: placed } = await watchdog.over('a consumer', untilDone(newConsumer));
      if (placed?.leader === 'server-0') break;
      before.add(name);
      await subscriber.close();
      subscriber = await startSubscriber('server-0');
    }
    let seen = 0;
    const see = async (number: number) => {
      while (seen < number) {
        const message = await watchdog.over(`message ${seen + 1}`, subscriber.message());
        expect(message).toEqual({ from: '', number: ++seen });
      }
    };
    publisher.publish(100);
    await see(100);
    cluster.kill('server-0');
    await watchdog.over('a disconnection', subscriber.event('disconnected'));
    publisher.publish(100);
    await see(200);
    expect(await subscriber.passages()).toMatchObject([{ missed: 0, refused: 0 }]);
    for (const host of [publisher, subscriber]) await host.close();
  });

  it('without a majority stores nothing: what the ring cannot keep is a gap, told by both', {
    timeout: 600_000,
  }, async () => {
    const capacity = 65_536;
    const publisher = await startPublisher({ capacity });
    const subscriber = await startSubscriber();
    const { leader } = await watchdog.over('a whole cluster', wholeStream(manager, STREAM));
    const other = cluster.names.find((name) => name !== leader) as string;
    const arrived: number[] = [];
    const see = async (last: number) => {
      while (arrived.at(-1) !== last) {
        const message = await watchdog.over(`the message after ${arrived.at(-1)}`, subscriber.message());
        arrived.push((message as { readonly number: number }).number);
      }
    };
    publisher.publish(1000);
    await see(1000);
    await publisher.forget('trouble');
    cluster.kill(leader);
    cluster.kill(other);
    publisher.publish(10_000);
    // It knows that nothing is stored, and the ring has turned over meanwhile.
    await watchdog.over('trouble', publisher.event('trouble'));
    for (const name of [leader, other]) await cluster.restart(name);
    await watchdog.over('a whole cluster again', wholeStream(manager, STREAM));
    publisher.publish(1);
    await see(11_001);
    const gaps = subscriber.events
      .filter((line) => line.startsWith('gap '))
      .map((line) => JSON.parse(line.slice('gap '.length)) as { from: number; to: number; reason: string });
    const missing = gaps.flatMap(({ from, to }) => upTo(to - from + 1).map((number) => from - 1 + number));
    expect(missing.length).toBeGreaterThan(0);
    expect(gaps.every(({ reason }) => reason === 'ring')).toBe(true);
    const inOrder = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);
    expect(arrived).toEqual(inOrder(arrived));
    expect(inOrder([...arrived, ...missing])).toEqual(upTo(11_001));
    for (const host of [publisher, subscriber]) {
      expect(await host.passages()).toMatchObject([
        { messages: arrived.length, missed: missing.length, refused: 0 },
      ]);
      await host.close();
    }
  });
});
