import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { canonicalText, string, struct, u32 } from '@mmfbus/codec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { start } from '../command/command-support.js';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Host } from './hosts.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-command');
const elsewhere = temporaryFolder('nats-elsewhere');
const folder = temporaryFolder('nats-command');
const file = join(folder, 'bridge.json');
const order = struct({ from: string(), number: u32() });
const jsonSchema = {
  type: 'object',
  properties: { from: { type: 'string' }, number: { type: 'integer', minimum: 0, maximum: 4294967295 } },
  required: ['from', 'number'],
  additionalProperties: false,
};

let server: NatsServer;
beforeEach(async () => {
  server = await NatsServer.start();
});
afterEach(() => server.kill('SIGKILL'));

const write = (content: unknown) => writeFileSync(file, JSON.stringify(content));
const bridge = (...words: string[]) => start(['bridge', server.url, '--config', file, '--json', ...words]);

describe('mmfbus bridge', () => {
  it('carries what its file says, tells its health, and reads the file again on SIGHUP', async () => {
    const there = await Host.start({
      url: server.url,
      directory: elsewhere,
      schema: canonicalText(order),
      routes: [{ import: 'desk.>', into: 'copies.*' }],
      subscribe: 'copies.two',
    });
    const publisher = await defineChannel({ name: 'orders', schema: order }).publisher();
    write({ routes: [{ export: 'orders', to: 'desk.one', start: 'earliest' }] });
    const program = bridge('--health', '0');
    const [, health = ''] = await program.waitForLine(/"health":"([^"]+)"/);
    expect(await (await fetch(health)).json()).toMatchObject({
      connected: true,
      passages: [{ direction: 'export', channel: 'orders', subject: 'desk.one' }],
    });
    expect((await fetch(health.replace('health', 'other'))).status).toBe(404);

    write({ routes: [{ export: 'orders', to: 'desk.two', start: 'latest' }], hosst: 'x' });
    program.kill('SIGHUP');
    const [refused] = await program.waitForLine(/"event":"not reloaded"/);
    expect(refused).toBeDefined();
    write({ routes: [{ export: 'orders', to: 'desk.two', start: 'latest' }] });
    program.kill('SIGHUP');
    await program.waitForLine(/"event":"reloaded","routes":1/);
    await publisher.publish({ from: 'here', number: 1 });
    expect(await there.message()).toEqual({ from: 'here', number: 1 });
    await publisher.close();

    server.kill('SIGKILL');
    await program.waitForLine(/"event":"disconnected"/);
    expect((await fetch(health)).status).toBe(503);
    program.kill('SIGINT');
    expect((await program.exit()).status).toBe(0);
    await there.stop();
  });

  it('creates a channel by a JSON Schema, and by the text of a schema', async () => {
    const there = await Host.start({
      url: server.url,
      directory: elsewhere,
      schema: canonicalText(order),
      routes: [{ export: 'orders', to: 'desk.orders', start: 'earliest' }],
      publish: 'orders',
    });
    const schemas = [jsonSchema, JSON.parse(canonicalText(order))];
    write({
      routes: schemas.map((schema, index) => ({
        import: 'desk.orders',
        into: `copies${index}`,
        create: { schema },
      })),
    });
    const subscribers = await Promise.all(
      [0, 1].map((index) => defineChannel({ name: `copies${index}`, schema: order }).subscriber()),
    );
    const program = bridge();
    await program.waitForLine(/"event":"open"/);
    there.publish(1);
    for (const subscriber of subscribers) {
      for await (const { value } of subscriber) {
        expect(value).toEqual({ from: '', number: 1 });
        break;
      }
      await subscriber.close();
    }
    program.kill('SIGINT');
    expect((await program.exit()).status).toBe(0);
    await there.close();
  });

  it('checks, and carries nothing then', async () => {
    write({ routes: [{ export: 'orders', to: 'desk.orders' }] });
    expect(await bridge('--check').success()).toMatch(/"event":"checked","routes":1/);
    write({ routes: [{ export: 'orders', to: 'desk.orders', stream: 'DESK' }] });
    const { status, stderr } = await bridge('--check').exit();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^mmfbus bridge: orders to desk\.orders: there is no stream DESK/),
    });
  });

  it('says that the server refuses its credentials, and not what they are', async () => {
    const guarded = await NatsServer.start({ args: ['--user', 'desk', '--pass', 'right'] });
    writeFileSync(join(folder, 'password'), 'wrong');
    write({
      routes: [{ export: 'orders', to: 'desk.orders' }],
      connection: { user: 'desk', password: 'password' },
    });
    const program = start(['bridge', guarded.url, '--config', file, '--check']);
    const { status, stdout, stderr } = await program.exit();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^mmfbus bridge: .*Authorization Violation/),
    });
    expect(stdout + stderr).not.toContain('wrong');
    writeFileSync(join(folder, 'password'), 'right');
    const right = start(['bridge', guarded.url, '--config', file, '--check', '--json']);
    expect(await right.success()).toMatch(/"event":"checked"/);
  });

  it.each([
    [{}, 'routes must be an array'],
    [{ routes: [], folders: 'x' }, 'there is no folders; there are host, name, folder, maxWaiting'],
    [{ routes: [], connection: { pass: 'x' } }, 'there is no connection.pass; there are credentials'],
    [{ routes: [], connection: { tls: { caFile: 'x' } } }, 'there is no connection.tls.caFile; there are ca'],
    [
      { routes: [{ import: 'a', into: 'a', create: { schema: { type: 'any' } } }] },
      'route 1: create.schema:',
    ],
    [{ routes: [] }, 'the bridge: routes must be an array with at least one route'],
    [{ routes: [{ export: 'a', to: 'b', from: 'c' }] }, 'route 1: there is no "from"; there are export'],
  ])('refuses the file %j', async (content, problem) => {
    write(content);
    const { status, stderr } = await bridge('--check').exit();
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(problem) });
  });
});
