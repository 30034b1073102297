// Bridges and the server are killed, stopped and started again while messages go from one machine to another by JetStream: each message
// is in the ring there once, in order. The rings are larger than what is published meanwhile, so nothing may be missing at all.
import { join } from 'node:path';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../support/random.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Host, type HostOptions } from '../hosts.js';
import { NatsServer } from '../nats-server.js';

const SEED = 7;
const ROUNDS = 12;
const MESSAGES_A_ROUND = 1500;
const schema = canonicalText(struct({ from: string(), number: u32() }));

const one = temporaryFolder('nats-one');
const two = temporaryFolder('nats-two');
const folder = temporaryFolder('nats-folders');

let server: NatsServer;

beforeEach(async () => {
  server = await NatsServer.start({ folder });
  const connection = await server.connect();
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'DESK', subjects: ['desk.>'] });
  await connection.close();
});

afterEach(() => server.kill('SIGKILL'));

const start = (more: Partial<HostOptions> & Pick<HostOptions, 'directory'>) =>
  Host.start({ url: server.url, schema, routes: [], ...more });

const startExport = () =>
  start({ directory: one, routes: [{ export: 'orders', to: 'desk.orders', stream: 'DESK' }] });

const startImport = () =>
  start({
    directory: two,
    routes: [{ import: 'desk.orders', into: 'copies', stream: 'DESK' }],
    options: { folder: join(folder, 'checkpoints') },
  });

describe(`with seed ${SEED}`, () => {
  it('every message arrives once, whichever process is killed', { timeout: 300_000 }, async () => {
    const random = createRandom(SEED);
    const publisher = await start({ directory: one, publish: 'orders' });
    const subscriber = await start({ directory: two, subscribe: 'copies' });
    let [total, seen] = [0, 0];
    let [exporting, importing] = [await startExport(), await startImport()];
    const done: string[] = [];
    const see = async (number: number) => {
      while (seen < number) {
        const message = await subscriber.message();
        expect(message, `after: ${done.join(', ')}`).toEqual({ from: '', number: ++seen });
      }
    };
    const actions: Record<string, () => Promise<void>> = {
      'the exporting bridge is killed': async () => {
        await exporting.stop();
        exporting = await startExport();
      },
      'the importing bridge is killed': async () => {
        await importing.stop();
        importing = await startImport();
      },
      'both bridges are killed': async () => {
        await Promise.all([exporting.stop(), importing.stop()]);
        [exporting, importing] = [await startExport(), await startImport()];
      },
      'the server is killed': async () => {
        server.kill('SIGKILL');
        await Promise.all([exporting.event('disconnected'), importing.event('disconnected')]);
        server = await server.restart();
      },
      'the server stops, until the exporting bridge waits no more': async () => {
        await exporting.forget('trouble');
        const trouble = exporting.event('trouble').then(() => true);
        for (let isTold = false; !isTold; ) {
          // It stops some time after the signal, and what it takes until then it acknowledges.
          server.kill('SIGSTOP');
          publisher.publish(1);
          const taken = see(++total).then(() => false);
          isTold = await Promise.race([trouble, taken]);
          if (!isTold) continue;
          server.kill('SIGCONT');
          await taken;
        }
      },
    };
    const names = Object.keys(actions);
    for (let round = 0; round < ROUNDS; round++) {
      publisher.publish(MESSAGES_A_ROUND);
      total += MESSAGES_A_ROUND;
      await see(total - MESSAGES_A_ROUND + random(MESSAGES_A_ROUND));
      const name = names[round % names.length] as string;
      done.push(name);
      await actions[name]?.();
    }
    await see(total);
    // The first of those that run has not seen all; what it has, it has without a gap.
    expect(await importing.passages()).toMatchObject([{ missed: 0, refused: 0 }]);
    expect(await exporting.passages()).toMatchObject([{ missed: 0, refused: 0 }]);
    for (const host of [exporting, importing, publisher, subscriber]) await host.close();
  });
});
