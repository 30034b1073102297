// A process of the soak over NATS: a publisher, a subscriber, a witness or a bridge. It ends when and how it is told.
import { subscribe as onDiagnostics } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { defineChannel } from '@mmfbus/channel';
import { BridgeError, type BridgeGap, openBridge, type Route } from '@mmfbus/nats';
import { connect } from '@nats-io/transport-node';
import { Random } from '../random.js';
import { SeenWriter } from './ledger.js';
import {
  bodyOf,
  LAST_LIFE,
  messageSchema,
  type NatsJob,
  type NatsOrder,
  type NatsReport,
} from './protocol.js';

/** Most messages that a publisher publishes one after the other, and most milliseconds until the next ones. */
const BURST = 30;
const PAUSE_MS = 80;
/** Milliseconds between two attempts to open a bridge. */
const AGAIN_MS = 100;

type Job<R extends NatsJob['role']> = Extract<NatsJob, { readonly role: R }>;

const leaving = new AbortController();
const left = new Promise<void>((resolve) => leaving.signal.addEventListener('abort', () => resolve()));
let publishLast: () => Promise<void> = async () => {};
let describe: () => string = () => 'it has no bridge yet';
let isOver = false;

function tell(report: NatsReport): void {
  if (process.connected) process.send?.(report);
}

const fault = (text: string) => tell({ report: 'fault', text });

const failed = (error: unknown) =>
  fault(`it failed: ${error instanceof Error ? error.stack : String(error)}`);

const channelOf = (name: string, capacity?: number) =>
  defineChannel({ name, schema: messageSchema, capacity });

async function publish({ channel, life, seed }: Job<'publisher'>): Promise<void> {
  const random = new Random(seed, life);
  const publisher = await channelOf(channel).publisher();
  tell({ report: 'joined', incarnation: publisher.position.incarnation });
  for (let number = 1; !leaving.signal.aborted; ) {
    for (let left = random.whole(1, BURST); left > 0; left--, number++) {
      await publisher.publish({ life, number, body: bodyOf(life, number) });
    }
    await pause(random.whole(0, PAUSE_MS));
  }
  await publisher.close();
}

async function subscribe({ channel }: Job<'subscriber'>): Promise<void> {
  const subscriber = await channelOf(channel).subscriber();
  subscriber.on('message', () => {});
  tell({ report: 'joined', incarnation: subscriber.position.incarnation });
  await left;
  await subscriber.close();
}

/** Sees everything that is published to a channel, and keeps the channel alive. */
async function witness({ channel, capacity, ledger }: Job<'witness'>): Promise<void> {
  const writer = new SeenWriter(ledger);
  const definition = channelOf(channel, capacity);
  const subscriber = await definition.subscriber();
  subscriber.on('message', ({ sequence, value }) => {
    const { life, number, body } = value;
    writer.add({ sequence, life, number });
    if (Buffer.compare(body, bodyOf(life, number)) !== 0)
      fault(`message ${number} of life ${life} has changed on its way`);
    if (life === LAST_LIFE) tell({ report: 'last' });
  });
  subscriber.on('gap', (gap) => fault(`the witness of ${channel} misses ${JSON.stringify(gap)}`));
  subscriber.on('close', (info) => {
    if (!leaving.signal.aborted) fault(`the subscription to ${channel} has ended: ${JSON.stringify(info)}`);
  });
  publishLast = async () => {
    const publisher = await definition.publisher();
    await publisher.publish({ life: LAST_LIFE, number: 1, body: bodyOf(LAST_LIFE, 1) });
    await publisher.close();
  };
  tell({ report: 'joined', incarnation: subscriber.position.incarnation });
  await left;
  await subscriber.close();
  writer.close();
}

async function bridge({ url, host, routes, folder, told }: Job<'bridge'>): Promise<void> {
  const { signal } = leaving;
  const connection = await connect({
    servers: url,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 20,
    reconnectJitter: 10,
    // A link that is cut does not say so.
    pingInterval: 1000,
    // It would connect to addresses of other links.
    ignoreClusterUpdates: true,
  });
  const created: Route[] = routes.map((route) =>
    'into' in route ? { ...route, create: { schema: messageSchema } } : route,
  );
  onDiagnostics('mmfbus:bridge:gap', (message) => {
    const gap = message as BridgeGap;
    // It outlives the process, whatever happens next.
    if (gap.direction === 'import') appendFileSync(told, `${JSON.stringify(gap)}\n`);
  });
  while (!signal.aborted) {
    try {
      const bridge = await openBridge(connection, created, { host, folder });
      describe = () => JSON.stringify(bridge.passages());
      bridge.on('refused', (refusal) => {
        if (['SCHEMA', 'FOREIGN'].includes(refusal.reason)) fault(`refused: ${JSON.stringify(refusal)}`);
      });
      bridge.on('trouble', ({ direction, error }) =>
        tell({ report: 'trouble', text: `${direction}: ${error.message}` }),
      );
      await left;
      await bridge.close();
      break;
    } catch (error) {
      // There is no server now, or none that answers.
      const isPassing = error instanceof BridgeError && ['TIMEOUT', 'NO_STREAM'].includes(error.code);
      if (!isPassing) throw error;
      await pause(AGAIN_MS);
    }
  }
  await connection.close();
}

async function live(job: NatsJob): Promise<void> {
  if (job.role === 'publisher') await publish(job);
  else if (job.role === 'subscriber') await subscribe(job);
  else if (job.role === 'witness') await witness(job);
  else await bridge(job);
  isOver = true;
  process.disconnect();
}

process.on('message', (message: NatsOrder) => {
  if (message.order === 'live') {
    live(message.job).catch(failed);
  } else if (message.order === 'leave') leaving.abort();
  else if (message.order === 'publish last') publishLast().catch(failed);
  else tell({ report: 'state', text: describe() });
});
process.once('disconnect', () => {
  // The process that gives the orders is gone.
  if (!isOver) process.exit(1);
});
// Ctrl-C reaches every process of the terminal; it is for the one that gives the orders.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
tell({ report: 'ready' });
