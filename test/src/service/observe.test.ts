import { readdirSync } from 'node:fs';
import { openBus } from '@mmfbus/channel';
import { quantile, type ServerState, ServiceObserver, type ServiceState } from '@mmfbus/service/internal';
import { describe, expect, it, vi } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { desk, handlersOf, Journal } from './desk.js';

const directory = ownDirectory('observe');
const observer = new ServiceObserver();
/** The watchdog of the test ends it. */
const PATIENT = { timeout: 60_000 };

function look(service: string): ServiceState {
  const seen = observer.look(service);
  if (seen === undefined) throw new Error(`nothing of ${service} is there`);
  return seen;
}

function methodOf(server: ServerState | undefined, name: string) {
  return server?.methods.find((method) => method.name === name);
}

describe('looking at a service', () => {
  it('shows servers and clients, what was called, and what runs', async () => {
    const service = desk(uniqueName('desk'));
    expect(observer.look(service.name)).toBeUndefined();
    const journal = new Journal();
    await using _server = await service.serve(handlersOf(journal), { name: 'first' });
    await using client = await service.client({ name: 'caller' });
    await client.add({ a: 1, b: 2 });
    await expect(client.add({ a: 101, b: 2 })).rejects.toThrow('OVERFLOW');
    await client.log('line');
    await journal.waitFor('line');
    const giveUp = new AbortController();
    const hanging = client.hang('x', { signal: giveUp.signal });
    await journal.waitFor('started x');

    const { servers, clients } = look(service.name);
    const [server] = servers;
    expect(servers).toMatchObject([
      { name: 'first', pid: process.pid, alive: true, phase: 'serving', outstanding: 1, problem: undefined },
    ]);
    expect(clients).toMatchObject([{ name: 'caller', pid: process.pid, inboxes: [server?.inbox] }]);
    expect(server?.contract?.text).toBe(service.contract.text);
    expect(server?.methods.map(({ name }) => name)).toEqual([...service.contract.methods.keys()]);
    expect(methodOf(server, 'add')).toMatchObject({ running: 0, served: 2, failed: 1, cancelled: 0 });
    expect(methodOf(server, 'log')).toMatchObject({ running: 0, served: 1, failed: 0 });
    expect(methodOf(server, 'hang')).toMatchObject({ running: 1, served: 0 });
    const add = methodOf(server, 'add');
    expect(add?.times.reduce((sum, calls) => sum + calls, 0)).toBe(2);
    expect(add && quantile(add, 0.99)).toBe(add?.longest);
    expect(
      server?.calls.map(({ number, method, caller, outcome }) => [number, method, caller, outcome]),
    ).toEqual([
      [4, 'hang', process.pid, 'running'],
      [3, 'log', process.pid, 'answered'],
      [2, 'add', process.pid, 'failed'],
      [1, 'add', process.pid, 'answered'],
    ]);
    expect(server?.calls[0]?.ended).toBeUndefined();
    expect(server?.calls[3]?.ended).toBeGreaterThanOrEqual(server?.calls[3]?.started ?? Number.NaN);

    giveUp.abort();
    await expect(hanging).rejects.toMatchObject({ code: 'CANCELLED' });
    await journal.waitFor('cancelled x');
    await vi.waitUntil(() => methodOf(look(service.name).servers[0], 'hang')?.running === 0, PATIENT);
    expect(methodOf(look(service.name).servers[0], 'hang')).toMatchObject({
      served: 1,
      cancelled: 1,
      failed: 0,
    });
  });

  it('has the last 256 calls, the newest first', async () => {
    const service = desk(uniqueName('desk'));
    await using _server = await service.serve(handlersOf(new Journal()));
    await using client = await service.client();
    for (let a = 1; a <= 100; a++) await client.add({ a, b: 0 });
    for (let round = 0; round < 4; round++) {
      await Promise.all(Array.from({ length: 50 }, () => client.add({ a: 1, b: 0 })));
    }
    const [server] = look(service.name).servers;
    expect(methodOf(server, 'add')?.served).toBe(300);
    const numbers = server?.calls.map(({ number }) => number) ?? [];
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 256 }, (_, index) => 45 + index));
    expect(numbers[0]).toBeGreaterThan(250);
  });

  it('shows a server that drains, one whose process died, and nothing of a service that is gone', async () => {
    const service = desk(uniqueName('desk'));
    const journal = new Journal();
    const server = await service.serve(handlersOf(journal), { name: 'drained' });
    const client = await service.client();
    const hanging = client.hang('x');
    await journal.waitFor('started x');
    const draining = server.drain({ timeout: Number.POSITIVE_INFINITY });
    await vi.waitUntil(() => look(service.name).servers[0]?.phase === 'draining', PATIENT);
    await Promise.all([expect(hanging).rejects.toMatchObject({ code: 'CLOSED' }), client.$close()]);
    await draining;
    expect(observer.look(service.name)).toBeUndefined();

    const program = startProgram('desk-server', { args: [service.name, 'killed'] });
    await program.waitForLine(/^ready$/);
    expect(look(service.name).servers).toMatchObject([{ name: 'killed', pid: program.pid, alive: true }]);
    program.kill('SIGKILL');
    await program.exit();
    // A look removes nothing, and proves the death. On Windows the memory went with the last process that had it open.
    const left = process.platform === 'win32' ? [] : [{ name: 'killed', alive: false }];
    expect(observer.look(service.name)?.servers ?? []).toMatchObject(left);
    // To serve and to leave does.
    await (await service.serve(handlersOf(new Journal()))).close();
    await (await service.client()).$close();
    await vi.waitUntil(() => readdirSync(directory).length === 0, PATIENT);
  });

  it('is in the list of channels by the name of the service', async () => {
    const service = desk(uniqueName('desk'));
    await using _server = await service.serve(handlersOf(new Journal()), { name: 'first' });
    await using bus = await openBus();
    expect(await bus.list()).toMatchObject([
      {
        name: `${service.name}~service`,
        service: service.name,
        participants: [{ role: 'publisher', name: 'first' }],
      },
    ]);
  });
});
