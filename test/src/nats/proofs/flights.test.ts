// All flights of the data set, from one machine to another: none is missing, altered, repeated or out of order.
import { join } from 'node:path';
import { canonicalText, f64, i16, struct, u16 } from '@mmfbus/codec';
import type { Route } from '@mmfbus/nats';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Host } from '../hosts.js';
import { NatsServer } from '../nats-server.js';

const FLIGHTS = 231_083;
/** Bytes of a ring that holds all of them: core NATS does not wait for a subscriber. */
const ROOM_FOR_ALL: number = 32 * 2 ** 20;
const schema = canonicalText(struct({ delay: i16(), distance: u16(), time: f64() }));

const one = temporaryFolder('nats-one');
const two = temporaryFolder('nats-two');
const folders = temporaryFolder('nats-folders');
let count = 0;
let folder: string;
let server: NatsServer;

beforeEach(async () => {
  folder = join(folders, `${++count}`);
  server = await NatsServer.start({ folder });
  const connection = await server.connect();
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'FLIGHTS', subjects: ['stored.>'] });
});

afterEach(() => server.kill('SIGKILL'));

/** A machine that publishes flights to a channel of the name, and imports those of the other one. */
function start(name: string, other: string, directory: string, stream: string | undefined): Promise<Host> {
  const prefix = stream === undefined ? 'live' : 'stored';
  const routes: Route[] = [
    { export: name, to: `${prefix}.${name}`, stream, whenBehind: 'wait' },
    { import: `${prefix}.${other}`, into: other, stream },
  ];
  const options = { host: name, folder: join(folder, name) };
  const capacity = stream === undefined ? ROOM_FOR_ALL : undefined;
  const job = { url: server.url, directory, schema, routes, options, ...(capacity && { capacity }) };
  return Host.start({ ...job, publish: name, subscribe: other, digestAt: FLIGHTS });
}

describe.each([
  ['core NATS', undefined],
  ['JetStream', 'FLIGHTS'],
] as const)('all flights over %s', (_name, stream) => {
  it('arrive in both directions at once', { timeout: 300_000 }, async () => {
    const east = await start('east', 'west', one, stream);
    const west = await start('west', 'east', two, stream);
    const sent = await Promise.all([east.publishFlights(), west.publishFlights()]);
    const got = await Promise.all([west.digest(), east.digest()]);
    expect(got).toEqual(sent);
    for (const host of [east, west]) {
      const [exported, imported] = await host.passages();
      expect(exported).toMatchObject({ messages: FLIGHTS, missed: 0, refused: 0 });
      expect(imported).toMatchObject({ messages: FLIGHTS, missed: 0, refused: 0, repeats: 0 });
      await host.close();
    }
  });
});
