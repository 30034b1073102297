// Another machine for the tests of the bridge, as far as mmfbus knows: its folder of shared memory is its own.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Channel, defineChannel } from '@mmfbus/channel';
import { shapeFromText } from '@mmfbus/codec';
import { type BridgeEvent, type BridgeOptions, openBridge, type Route } from '@mmfbus/nats';
import { connect } from '@nats-io/transport-node';
import { calc, serveCalc } from './nats-calc.js';

/** What it is to do. */
export interface HostJob {
  readonly url: string;
  /** Without any, it has no bridge. */
  readonly routes: readonly Route[];
  readonly options?: BridgeOptions;
  /** Text of the schema of its channels. Defaults to none. */
  readonly schema?: string;
  /** Bytes of the ring of its channels. */
  readonly capacity?: number;
  /** A channel to which it subscribes, reliably. */
  readonly subscribe?: string;
  /** A channel to which it publishes. */
  readonly publish?: string;
  /** Whether it serves the service of `nats-calc.ts`, with a method more where it is `grown`. */
  readonly serve?: 'calc' | 'grown';
  /** Whether it makes a call that waits until it is given up. */
  readonly call?: boolean;
  /** So many messages are told in short, all at once; otherwise each one. */
  readonly digestAt?: number;
}

const job = JSON.parse(process.argv[2] as string) as HostJob;
const definition = {
  ...(job.schema === undefined ? {} : { schema: shapeFromText(job.schema) as never }),
  ...(job.capacity === undefined ? {} : { capacity: job.capacity }),
};
const channelOf = (name: string) => defineChannel<unknown>({ ...definition, name }) as Channel<unknown>;

const subscriber = job.subscribe === undefined ? undefined : await channelOf(job.subscribe).subscriber();
const publisher = job.publish === undefined ? undefined : await channelOf(job.publish).publisher();

const server = job.serve === undefined ? undefined : await serveCalc(job.serve);

const hash = createHash('sha256');
let count = 0;
subscriber?.on('message', ({ value }) => {
  if (job.digestAt === undefined) {
    console.log(`message ${JSON.stringify(value)}`);
    return;
  }
  hash.update(JSON.stringify(value));
  if (++count === job.digestAt) console.log(`digest ${hash.copy().digest('hex')}`);
});

const connection = await connect({
  servers: job.url,
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
  reconnectTimeWait: 20,
  reconnectJitter: 10,
});
const routes = job.routes.map((route) =>
  'into' in route && route.service !== true ? { create: definition, ...route } : route,
);
const bridge = routes.length === 0 ? undefined : await openBridge(connection, routes, job.options);
for (const name of ['gap', 'refused', 'trouble', 'disconnected', 'connected', 'close'] as BridgeEvent[]) {
  bridge?.on(name, (...[told = {}]: readonly unknown[]) => {
    const shown = (_key: string, value: unknown) => (value instanceof Error ? value.message : value);
    console.log(`${name} ${JSON.stringify(told, shown)}`);
  });
}
if (job.call === true)
  void (await calc.client({ waitForServer: Number.POSITIVE_INFINITY })).wait({ timeout: 100_000 });
console.log('ready');

/** All flights of the data set. */
function flights(): readonly unknown[] {
  const require = createRequire(import.meta.url);
  let folder = dirname(require.resolve('vega-datasets'));
  while (!folder.endsWith('vega-datasets')) folder = dirname(folder);
  return JSON.parse(readFileSync(join(folder, 'data', 'flights-200k.json'), 'utf8'));
}

let numbers = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(' ');
  if (command === 'passages') {
    console.log(`passages ${JSON.stringify(bridge?.passages() ?? [])}`);
  } else if (command === 'drain') {
    await server?.drain();
    console.log('drained');
  } else if (command === 'publish') {
    for (let left = Number(argument); left > 0; left--) {
      await publisher?.publish({ from: job.options?.host ?? '', number: ++numbers });
    }
  } else if (command === 'flights') {
    const all = flights();
    const sent = createHash('sha256');
    for (const flight of all) {
      sent.update(JSON.stringify(flight));
      await publisher?.publish(flight);
    }
    console.log(`published ${sent.digest('hex')}`);
  }
}
await bridge?.close();
await server?.drain();
await connection.close();
await subscriber?.close();
await publisher?.close();
