import { type Bridge, openBridge, type Route } from '@mmfbus/nats';
import type { Client } from '@mmfbus/service';
import { type ServiceInfo, Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { calc } from '../programs/nats-calc.js';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Host } from './hosts.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-service');
const elsewhere = temporaryFolder('nats-elsewhere');
const caller = temporaryFolder('nats-caller');
const exporting: readonly Route[] = [{ export: 'calc', to: 'desk.calc', service: true }];
const importing: readonly Route[] = [{ import: 'desk.calc', into: 'calc', service: true }];

let server: NatsServer;
let connection: NatsConnection;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  server = await NatsServer.start();
  connection = await server.connect();
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  server.kill('SIGKILL');
});

/** Another machine, which serves. */
function serving(more: Partial<Parameters<typeof Host.start>[0]> = {}): Promise<Host> {
  return Host.start({ url: server.url, directory: elsewhere, routes: exporting, serve: 'calc', ...more });
}

async function bridge(routes: readonly Route[] = importing): Promise<Bridge> {
  const bridge = await openBridge(connection, routes);
  open.push(bridge);
  return bridge;
}

async function clientOf(options: Parameters<typeof calc.client>[0] = {}): Promise<Client<typeof calc>> {
  const client = await calc.client({ waitForServer: 60_000, ...options });
  open.push(client);
  return client;
}

async function infos(): Promise<ServiceInfo[]> {
  const found: ServiceInfo[] = [];
  for await (const info of await new Svcm(connection as never).client().info()) found.push(info);
  return found;
}

describe('a service over a bridge', () => {
  it('is called as one of this machine: values, declared and other errors, streams both ways, one way', async () => {
    const there = await serving();
    const here = await bridge();
    const client = await clientOf();
    expect(client.$servers).toMatchObject([{ name: 'nats:desk.calc' }]);
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await expect(client.add({ a: 100, b: 2 })).rejects.toMatchObject({
      code: 'OVERFLOW',
      data: { limit: 100 },
    });
    await expect(client.add({ a: 0, b: 0 })).rejects.toSatisfy((error) =>
      calc.isError(error, 'EMPTY', 'add'),
    );
    await expect(client.fail()).rejects.toMatchObject({
      code: 'REMOTE',
      message: 'calc: fail: its handler threw RangeError: on purpose',
      started: 'maybe',
    });
    let sum = 0;
    for await (const number of client.count(20_000)) sum += number;
    expect(sum).toBe(200_010_000);
    expect(await there.handled()).toBe('count');
    const numbers = Array.from({ length: 20_000 }, (_, index) => index);
    expect(await client.sum(numbers)).toBe(199_990_000);
    sum = 0;
    for await (const number of client.double(numbers)) sum += number;
    expect(sum).toBe(399_980_000);
    await client.log('one way');
    expect(await there.handled()).toBe('log one way');
    expect((await client.blob(500_000)).length).toBe(500_000);
    expect(await client.size(new Uint8Array(500_000))).toBe(500_000);
    const counted = {
      kind: 'service',
      channel: 'calc',
      subject: 'desk.calc',
      messages: 10,
      refused: 0,
      lag: 0,
    };
    expect(here.passages()).toMatchObject([{ direction: 'import', ...counted }]);
    expect(await there.passages()).toMatchObject([{ direction: 'export', ...counted }]);
    await there.close();
  });

  it('appears as a service of NATS, with its methods and what they are', async () => {
    const there = await serving();
    const client = new Svcm(connection as never).client();
    const [info, ...others] = await infos();
    expect(others).toEqual([]);
    expect(info).toMatchObject({
      name: 'calc',
      version: '1.0.0',
      metadata: { 'mmfbus.subject': 'desk.calc', 'mmfbus.service': 'calc' },
    });
    expect(info?.endpoints.map(({ name, subject }) => `${name} ${subject}`)).toEqual(
      [...calc.contract.methods.keys()].map((name) => `${name} desk.calc.${name}`),
    );
    expect(info?.endpoints.find(({ name }) => name === 'log')?.metadata).toEqual({
      'mmfbus.method': '["log",{"input":"string"}]',
    });
    const pings = [];
    for await (const { name } of await client.ping('calc')) pings.push(name);
    expect(pings).toEqual(['calc']);
    await bridge();
    await (await clientOf()).add({ a: 1, b: 2 });
    const stats = [];
    for await (const one of await client.stats('calc')) stats.push(one);
    const add = stats[0]?.endpoints?.find(({ name }) => name === 'add');
    expect(add).toMatchObject({ num_requests: 1, num_errors: 0, data: { messages: 1, refused: 0 } });
    await there.close();
    await expect(infos()).rejects.toThrow("no responders: '$SRV.INFO'");
  });

  it('is there as long as another machine serves it', async () => {
    const there = await serving();
    await bridge();
    const client = await clientOf({ waitForServer: 0 });
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await there.drain();
    await expect.poll(() => client.$servers.length, { timeout: 60_000 }).toBe(0);
    await expect(client.add({ a: 1, b: 2 })).rejects.toMatchObject({ code: 'NO_SERVER', started: false });
    const again = await serving({ routes: [] });
    await expect.poll(() => client.$servers.length, { timeout: 60_000 }).toBe(1);
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await again.close();
    await there.close();
  });

  it('crosses by patterns of names', async () => {
    const there = await serving({ routes: [{ export: '*', to: 'desk.>', service: true }] });
    await bridge([{ import: 'desk.>', into: 'far.*', service: true }]);
    const { defineService } = await import('@mmfbus/service');
    const far = defineService({ name: 'far.calc', methods: calc.methods });
    const client = await far.client({ waitForServer: 60_000 });
    open.push(client);
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await expect(client.add({ a: 100, b: 2 })).rejects.toSatisfy((error) => far.isError(error, 'OVERFLOW'));
    await there.close();
  });

  it('hears of calls that are given up, and has the time that is left', async () => {
    const there = await serving();
    await bridge();
    const client = await clientOf();
    const giving = new AbortController();
    const call = client.wait({ signal: giving.signal, timeout: 100_000 });
    expect(await there.handled()).toBe('wait 100');
    giving.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED', started: 'maybe' });
    expect(await there.handled()).toBe('given up');
    const timed = client.wait({ timeout: 500 });
    expect(await there.handled()).toBe('wait 1');
    await expect(timed).rejects.toMatchObject({ code: 'TIMEOUT', started: 'maybe' });
    expect(await there.handled()).toBe('given up');
    for await (const number of client.count(2 ** 31)) if (number === 1000) break;
    expect(await there.handled()).toBe('count');
    await there.close();
  });

  it('ends calls under way when the connection is lost, and is there again with it', async () => {
    const there = await serving();
    await bridge();
    const client = await clientOf({ waitForServer: 60_000 });
    const call = client.wait();
    call.catch(() => {});
    expect(await there.handled()).toBe('wait 30');
    server.kill('SIGKILL');
    await expect(call).rejects.toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    expect(await there.handled()).toBe('given up');
    await expect.poll(() => client.$servers.length, { timeout: 60_000 }).toBe(0);
    server = await server.restart();
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await there.close();
  });

  it('leaves at once when the connection is lost, also while its bridge looks for services', async () => {
    const there = await serving();
    const here = await bridge();
    const client = await clientOf();
    const isLost = new Promise<void>((resolve) => here.on('disconnected', resolve));
    // It looks for as long as others may answer: a third of a second and more.
    connection.publish('mmfbus.services');
    await connection.flush();
    server.kill('SIGKILL');
    await isLost;
    for (let turns = 0; turns < 1000 && client.$servers.length > 0; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.$servers).toEqual([]);
    server = await server.restart();
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await there.close();
  });

  it('ends calls under way when the server, or the bridge that has them, is killed', async () => {
    const bare = await serving({ serve: undefined as never });
    const there = await serving({ routes: [] });
    await bridge();
    const client = await clientOf();
    const call = client.wait({ timeout: 100_000 });
    call.catch(() => {});
    expect(await there.handled()).toBe('wait 100');
    await there.stop();
    await expect(call).rejects.toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    const other = await serving({ routes: [] });
    await expect.poll(() => client.$servers.length, { timeout: 60_000 }).toBe(1);
    const second = client.wait({ timeout: 100_000 });
    second.catch(() => {});
    expect(await other.handled()).toBe('wait 100');
    await bare.stop();
    // The handler hears of it by the death of the client, which the bridge was.
    await expect(second).rejects.toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    expect(await other.handled()).toBe('given up');
    await other.close();
  });

  it('has its handlers told when the bridge of the caller is killed', async () => {
    const there = await serving();
    const far = await Host.start({ url: server.url, directory: caller, routes: importing, call: true });
    expect(await there.handled()).toBe('wait 100');
    await far.stop();
    expect(await there.handled()).toBe('given up');
    await there.close();
  });

  it('refuses what is larger than the server takes, and says so', async () => {
    const there = await serving();
    await bridge();
    const client = await clientOf();
    await expect(client.size(new Uint8Array(2 ** 20))).rejects.toMatchObject({
      code: 'REFUSED',
      started: false,
      message: expect.stringMatching(
        /^calc: size: the input is too large: it takes 10\d+ bytes .* at most 1048576$/,
      ),
    });
    await expect(client.blob(2 ** 20)).rejects.toMatchObject({
      code: 'REFUSED',
      started: 'maybe',
      message: expect.stringMatching(
        /^calc: blob: its answer is too large: it takes 10\d+ bytes .* at most 1048576$/,
      ),
    });
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await there.close();
  });

  it('refuses another contract: local clients by the difference, bridges by the hash', async () => {
    const there = await serving({ serve: 'grown' });
    await bridge();
    const client = await clientOf();
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    await expect(client.size(new Uint8Array(1))).rejects.toMatchObject({
      code: 'NO_METHOD',
      started: false,
      message: expect.stringContaining('another method of that name'),
    });
    // A bridge that knows the contract of before.
    const { headers } = await import('@nats-io/nats-core');
    const fields = headers();
    fields.set('Mmfbus-Call', '1;call;00000000000000aa;1000;0;far');
    const answer = await connection.request('desk.calc.add', new Uint8Array(0), {
      headers: fields,
      timeout: 60_000,
    });
    expect(answer.headers?.get('Nats-Service-Error')).toMatch(
      /^the contract differs: the method has the hash [0-9a-f]{16}/,
    );
    expect(await there.event('refused')).toMatchObject({ channel: 'calc', reason: 'SCHEMA' });
    // A program that is no bridge.
    const foreign = await connection.request('desk.calc.add', '{}', { timeout: 60_000 });
    expect(foreign.headers?.get('Nats-Service-Error-Code')).toBe('400');
    await there.close();
  });

  it('takes another contract when the server of the service has another one', async () => {
    const bare = await serving({ serve: undefined as never });
    const old = await serving({ routes: [] });
    await bridge();
    const client = await clientOf();
    expect(await client.size(new Uint8Array(3))).toBe(3);
    await old.close();
    const young = await serving({ routes: [], serve: 'grown' });
    await expect(
      expect
        .poll(() => client.size(new Uint8Array(3)).catch(({ code }) => code), { timeout: 60_000 })
        .toBe('NO_METHOD'),
    ).resolves.not.toThrow();
    await young.close();
    await bare.close();
  });

  it('neither goes back to where it came from, nor is served where it is exported', async () => {
    const both: readonly Route[] = [...exporting, ...importing];
    const there = await serving({ routes: both });
    await bridge(both);
    const client = await clientOf();
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    expect(await infos()).toHaveLength(1);
    expect(client.$servers).toHaveLength(1);
    expect(await there.passages()).toMatchObject([{ direction: 'export' }]);
    await there.close();
  });

  it.each([
    [
      { export: 'a', to: 'b', service: true, stream: 'S' },
      {},
      'route 1: there is no "stream"; there are export, to',
    ],
    [{ import: 'a', into: 'b', service: 'yes' }, {}, 'service must be true or false'],
    [exporting[0], { scope: 'machine' }, 'calc to desk.calc: services belong to one user'],
    [{ export: 'a'.repeat(101), to: 'b', service: true }, {}, 'at most 100 characters, not 101'],
  ])('refuses the route %j with %j', async (route, options, problem) => {
    await expect(openBridge(connection, [route as never], options as never)).rejects.toThrow(problem);
  });
});
