import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Context, ServiceError } from '@mmfbus/service';
import { afterEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startProgram } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import { type DeskClient, desk, handlersOf, Journal } from './desk.js';

ownDirectory('killed-calls');
const folder = temporaryFolder('journals');

const closing: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function toClose<C extends AsyncDisposable>(one: C): C {
  closing.push(one);
  return one;
}

/** Has a program leave in good order where it was not killed, so that it removes what is its own. */
function inGoodOrder(program: Program): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      program.send('close');
      await program.exit();
    },
  };
}

/** Calls of a client that is stopped then: their answers are several times what its mailbox holds. */
const CALLS_OF_STOPPED = 40;

/** Windows has no signals: a process cannot be stopped there, only killed. */
const whereSignals = it.skipIf(process.platform === 'win32');

/** Stops a process, and waits until it is: it may run on for a moment after the signal was sent. */
async function stopped(program: Program): Promise<void> {
  program.kill('SIGSTOP');
  await expect.poll(() => stateOf(program)).toMatch(/^T/);
}

/** What a process does: `S` where it sleeps, `T` where it was stopped. */
function stateOf({ pid }: Program): string {
  return spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' }).stdout;
}

interface RemoteServer {
  readonly program: Program;
  readonly journal: Journal;
}

async function startServer(service: string, name: string, options: object = {}): Promise<RemoteServer> {
  const file = join(folder, `${service}-${name}`);
  const program = startProgram('desk-server', { args: [service, name, file, JSON.stringify(options)] });
  toClose(inGoodOrder(program));
  await program.waitForLine(/^ready$/);
  return { program, journal: new Journal(file) };
}

async function clientOf(service: string, waitForServer = 0): Promise<DeskClient> {
  return toClose(await desk(service).client({ name: 'caller', waitForServer }));
}

/** Waits until the server has written that line. */
async function written({ journal }: RemoteServer, line: string): Promise<void> {
  await expect.poll(() => journal.lines, { timeout: 60_000, interval: 5 }).toContain(line);
}

async function errorOf(call: Promise<unknown>): Promise<ServiceError> {
  const outcome = await call.then(
    (value) => new Error(`it gave ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(outcome instanceof ServiceError)) throw outcome;
  return outcome;
}

describe('a server that is killed', () => {
  it('while it runs calls: those that come later have cells of their own', async () => {
    const service = uniqueName('cells');
    const client = await clientOf(service, 60_000);
    for (const name of ['one', 'two', 'three']) {
      const server = await startServer(service, name);
      const running = [errorOf(client.hang('a')), errorOf(client.hang('b'))];
      await written(server, 'started a');
      await written(server, 'started b');
      server.program.kill('SIGKILL');
      for (const error of await Promise.all(running)) {
        expect(error).toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
      }
    }
    await startServer(service, 'last');
    const sums = [1, 2, 3, 4, 5].map((a) => client.add({ a, b: 1 }));
    expect(await Promise.all(sums)).toEqual([2, 3, 4, 5, 6]);
  });

  it('while it runs a call: the call may have run', async () => {
    const service = uniqueName('dies');
    const server = await startServer(service, 'one');
    const client = await clientOf(service);
    const call = errorOf(client.hang('x'));
    await written(server, 'started x');
    server.program.kill();
    expect(await call).toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    expect(await errorOf(client.who())).toMatchObject({ code: 'NO_SERVER', started: false });
  });

  it('before it starts a call: the call goes to another server', async () => {
    const service = uniqueName('moves');
    const one = await startServer(service, 'one', { concurrency: 1 });
    const client = await clientOf(service);
    const first = errorOf(client.hang('first'));
    await written(one, 'started first');
    const second = client.wait(0);
    const two = await startServer(service, 'two');
    one.program.kill();
    expect(await first).toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    expect(await second).toBe('two');
    expect(two.journal.lines).toEqual([]);
  });

  whereSignals('while it is stopped: calls that it has not taken go to another one', async () => {
    const service = uniqueName('stopped');
    const one = await startServer(service, 'one');
    const client = await clientOf(service);
    expect(await client.who()).toMatch(/^one for caller/);
    await expect.poll(() => stateOf(one.program)).toMatch(/^S/);
    await stopped(one.program);
    const calls = Array.from({ length: 50 }, () => client.wait(0));
    await startServer(service, 'two');
    one.program.kill();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['two']));
  });

  whereSignals(
    'not at all, but stopped: its calls go to another one in time, and never run there',
    async () => {
      const service = uniqueName('slow');
      const one = await startServer(service, 'one');
      const client = toClose(await desk(service).client({ moveAfter: 50 }));
      expect(await client.wait(0)).toBe('one');
      // It is done with the answer as well.
      await expect.poll(() => stateOf(one.program)).toMatch(/^S/);
      await stopped(one.program);
      const calls = Array.from({ length: 20 }, () => client.wait(2));
      await startServer(service, 'two');
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['two']));
      one.program.kill('SIGCONT');
      one.program.send('drain');
      await one.program.waitForLine(/^drained$/);
      expect(one.journal.lines).not.toContain('started wait 2');
    },
  );

  it('while it runs a call that may run again: it does', async () => {
    const service = uniqueName('again');
    const one = await startServer(service, 'one');
    const client = await clientOf(service);
    const call = errorOf(client.hangAgain('x', { timeout: 60_000 }));
    await written(one, 'started x');
    const two = await startServer(service, 'two');
    one.program.kill();
    await written(two, 'started x');
    const three = await startServer(service, 'three');
    two.program.kill();
    await written(three, 'started x');
    const four = await startServer(service, 'four');
    three.program.kill();
    const error = await call;
    expect(error).toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    expect(error.message).toContain('server number 3');
    expect(four.journal.lines).toEqual([]);
  });

  it('while it runs a call that may run again, where no other server is: the call may have run', async () => {
    const service = uniqueName('alone');
    const one = await startServer(service, 'one');
    const client = await clientOf(service);
    const call = errorOf(client.hangAgain('x'));
    await written(one, 'started x');
    one.program.kill();
    expect(await call).toMatchObject({ code: 'NO_SERVER', started: 'maybe' });
  });

  it('in the middle of a stream: what it has sent is read before the error', async () => {
    const service = uniqueName('stream');
    const server = await startServer(service, 'one');
    const client = await clientOf(service);
    const got: number[] = [];
    const read = (async () => {
      for await (const item of client.count(1e9)) {
        got.push(item);
        if (item === 1000) server.program.kill();
      }
    })();
    expect(await errorOf(read)).toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    expect(got).toEqual(Array.from({ length: got.length }, (_, index) => index));
    expect(got.length).toBeGreaterThan(1000);
  });

  it('by a call: it does not kill more than three', async () => {
    const service = uniqueName('poison');
    const names = ['one', 'two', 'three', 'four'];
    const servers = await Promise.all(names.map((name) => startServer(service, name)));
    const client = await clientOf(service);
    const call = errorOf(client.hangAgain('poison', { timeout: 60_000 }));
    for (let deaths = 0; deaths < 3; deaths++) {
      let victim: RemoteServer | undefined;
      await expect
        .poll(() => (victim = servers.find(({ journal }) => journal.lines.includes('started poison'))))
        .toBeDefined();
      servers.splice(servers.indexOf(victim as RemoteServer), 1);
      (victim as RemoteServer).program.kill();
    }
    expect(await call).toMatchObject({ code: 'SERVER_DIED' });
    expect(await client.wait(0)).toBeDefined();
  });
});

describe('a client that is killed', () => {
  it('has its calls cancelled, and those that wait never run', async () => {
    const service = desk(uniqueName('caller'));
    const journal = new Journal();
    const server = toClose(await service.serve(handlersOf(journal), { concurrency: 1 }));
    const program = startProgram('desk-client', { args: [service.name, 'hang', '"x"', '3'] });
    await journal.waitFor('started x');
    await expect.poll(() => server.outstanding).toBe(3);
    program.kill();
    await journal.waitFor('cancelled x');
    await expect.poll(() => server.outstanding).toBe(0);
    expect(journal.lines).toEqual(['started x', 'cancelled x']);
    const other = await clientOf(service.name);
    expect(await other.add({ a: 1, b: 2 })).toBe(3);
  });

  whereSignals('while it is stopped and its mailbox is full: others are answered meanwhile', async () => {
    const service = desk(uniqueName('full'));
    const journal = new Journal();
    let answer = () => {};
    const isStopped = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const repeat = async (length: number) => {
      await isStopped;
      return new Uint8Array(length);
    };
    const server = toClose(
      await service.serve({ ...handlersOf(journal), repeat }, { concurrency: CALLS_OF_STOPPED + 1 }),
    );
    const program = startProgram('desk-client', {
      args: [service.name, 'repeat', '60000', `${CALLS_OF_STOPPED}`],
    });
    // It has made all of its calls, and holds no lock.
    await expect.poll(() => server.outstanding).toBe(CALLS_OF_STOPPED);
    await expect.poll(() => stateOf(program)).toMatch(/^S/);
    await stopped(program);
    answer();
    const other = await clientOf(service.name);
    for (let index = 0; index < 100; index++) expect(await other.add({ a: 1, b: index })).toBe(1 + index);
    program.kill('SIGCONT');
    for (let index = 0; index < CALLS_OF_STOPPED; index++) await program.waitForLine(/^value/);
    await inGoodOrder(program)[Symbol.asyncDispose]();
  });
});

describe('a client that closes', () => {
  it('has a handler told that looks at its signal only then', async () => {
    const service = desk(uniqueName('late'));
    const journal = new Journal();
    const block = async (_: number, context: Context) => {
      program.send('close');
      const end = performance.now() + 30_000;
      while (!context.cancelled) if (performance.now() > end) throw new Error('the client has not given up');
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
      journal.write('told');
      return '';
    };
    toClose(await service.serve({ ...handlersOf(journal), block }));
    const program = startProgram('desk-client', { args: [service.name, 'block', '0'] });
    await journal.waitFor('told');
    await program.exit();
  });
});

describe('a rolling restart of two servers under load', () => {
  it('loses no call, and runs none twice', async () => {
    const service = uniqueName('rolling');
    let servers = await Promise.all([startServer(service, 's0'), startServer(service, 's1')]);
    const client = await clientOf(service);
    const journals = servers.map(({ journal }) => journal);
    let isOver = false;
    let made = 0;
    const load = Promise.all(
      Array.from({ length: 32 }, async () => {
        while (!isOver) {
          const number = made++;
          expect(await client.add({ a: 1, b: number })).toBe(1 + number);
          await client.log(`n${number}`);
        }
      }),
    );
    for (let round = 0; round < 6; round++) {
      const next = await startServer(service, `s${round + 2}`);
      journals.push(next.journal);
      const [old, kept] = servers as [RemoteServer, RemoteServer];
      old.program.send('drain');
      await old.program.waitForLine(/^drained$/);
      await old.program.success();
      servers = [kept, next];
      const before = made;
      await expect.poll(() => made).toBeGreaterThan(before + 50);
    }
    isOver = true;
    await load;
    for (const { program } of servers) {
      program.send('drain');
      await program.waitForLine(/^drained$/);
    }
    const ran = journals.flatMap(({ lines }) => lines.filter((line) => line.startsWith('n')));
    expect(ran.length).toBe(made);
    expect(new Set(ran).size).toBe(made);
  });
});
