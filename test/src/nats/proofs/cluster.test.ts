// A cluster of three servers loses the leader of a stream again and again while messages go from one machine to another: each arrives
// once, in order.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Host } from '../hosts.js';
import { NatsServer } from '../nats-server.js';

const SERVERS = 3;
const LOSSES = 2;
const MESSAGES_A_LOSS = 2000;
const STREAM = 'DESK';
const schema = canonicalText(struct({ from: string(), number: u32() }));

const one = temporaryFolder('nats-one');
const two = temporaryFolder('nats-two');
const folder = temporaryFolder('nats-folders');

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Servers that know each other, by their names. */
async function startCluster(): Promise<Map<string, NatsServer>> {
  const ports = await freePorts(SERVERS);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  const started = routes.map(async (url, index) => {
    const name = `server-${index}`;
    const args = ['-n', name, '--cluster_name', 'desk', '--cluster', url, '--routes', routes.join(',')];
    return [name, await NatsServer.start({ folder: join(folder, name), args })] as const;
  });
  return new Map(await Promise.all(started));
}

/** Tries until the cluster has a leader that answers. */
async function untilDone<R>(action: () => Promise<R>): Promise<R> {
  let result: R | undefined;
  await expect
    .poll(
      async () => {
        result = await action();
        return true;
      },
      { timeout: 60_000, interval: 200 },
    )
    .toBe(true);
  return result as R;
}

/** The server that leads the stream, when all of them have all of it. */
async function leaderOf(manager: JetStreamManager): Promise<string> {
  return untilDone(async () => {
    const { cluster } = await manager.streams.info(STREAM);
    const followers = cluster?.replicas ?? [];
    if (cluster?.leader === undefined || !followers.every(({ current, offline }) => current && !offline))
      throw new Error('the cluster is not whole');
    return cluster.leader;
  });
}

it('a cluster that loses its leader loses no message', { timeout: 300_000 }, async () => {
  const servers = await startCluster();
  const first = servers.get('server-0') as NatsServer;
  const manager = await jetstreamManager(await first.connect(), { checkAPI: false });
  await untilDone(() => manager.streams.add({ name: STREAM, subjects: ['desk.>'], num_replicas: SERVERS }));
  // Clients hear of the other servers from the first one.
  const start = (directory: string, more: Partial<Parameters<typeof Host.start>[0]>) =>
    Host.start({ url: first.url, schema, routes: [], directory, ...more });
  const publisher = await start(one, {
    routes: [{ export: 'orders', to: 'desk.orders', stream: STREAM }],
    publish: 'orders',
  });
  const subscriber = await start(two, {
    routes: [{ import: 'desk.orders', into: 'copies', stream: STREAM }],
    options: { folder: join(folder, 'checkpoints') },
    subscribe: 'copies',
  });
  let [published, seen] = [0, 0];
  const see = async (number: number) => {
    while (seen < number) expect(await subscriber.message()).toEqual({ from: '', number: ++seen });
  };
  for (let loss = 1; loss <= LOSSES; loss++) {
    const leader = await leaderOf(manager);
    publisher.publish(MESSAGES_A_LOSS);
    published += MESSAGES_A_LOSS;
    await see(published - 0.75 * MESSAGES_A_LOSS);
    const server = servers.get(leader) as NatsServer;
    server.kill('SIGKILL');
    // With the other two.
    await see(published);
    servers.set(leader, await server.restart());
  }
  expect(await publisher.passages()).toMatchObject([{ messages: published, missed: 0, refused: 0 }]);
  expect(await subscriber.passages()).toMatchObject([{ messages: published, missed: 0, refused: 0 }]);
  for (const host of [publisher, subscriber]) await host.close();
});
