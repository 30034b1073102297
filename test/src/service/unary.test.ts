import { setImmediate } from 'node:timers/promises';
import { type Context, DeclaredError, type ServiceError } from '@mmfbus/service';
import { afterEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { type Desk, type DeskClient, desk, handlersOf, Journal } from './desk.js';

ownDirectory('unary');

/** Cells of a mailbox: so many calls of a client are open at a time. */
const CELLS = 1024;
/** Longer than a client waits for the first answer of a server before it looks for a refusal, milliseconds. */
const LOOK_MS = 300;
/** Turns of the event loop after which a client without news sleeps. */
const TURNS = 50;

const closing: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Closes it after the test. */
function toClose<C extends AsyncDisposable>(one: C): C {
  closing.push(one);
  return one;
}

async function stage(
  options: Parameters<Desk['serve']>[1] = {},
  ofClient: Parameters<Desk['client']>[0] = {},
) {
  const service = desk(uniqueName('unary'));
  const journal = new Journal();
  const server = toClose(await service.serve(handlersOf(journal, 'one'), { name: 'one', ...options }));
  const client: DeskClient = toClose(await service.client({ name: 'me', ...ofClient }));
  return { service, journal, server, client };
}

/** The error of a call that must fail. */
async function errorOf(call: Promise<unknown>): Promise<ServiceError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`it gave ${JSON.stringify(outcome.value)}`);
  return outcome.error as ServiceError;
}

describe('a call', () => {
  it('gives what the handler returns', async () => {
    const { client } = await stage();
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    expect(await client.wait(0)).toBe('one');
    expect(await client.reset()).toBeUndefined();
    expect(await client.who()).toBe(`one for me ${process.pid}`);
  });

  it('carries any length, in parts where it must', async () => {
    const { client } = await stage();
    for (const length of [0, 1000, 70_000, 300_000, 3_000_000]) {
      expect(await client.size(new Uint8Array(length))).toBe(length);
      const answer = await client.repeat(length);
      expect([answer.length, answer.every((byte) => byte === 7)]).toEqual([length, true]);
    }
  });

  it('is one of many at once, more than there are cells', async () => {
    const { client } = await stage({ concurrency: Number.POSITIVE_INFINITY });
    const calls = Array.from({ length: 3000 }, (_, b) => client.add({ a: 1, b }));
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 3000 }, (_, b) => 1 + b));
    const waits = Array.from({ length: 1500 }, () => client.wait(1));
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['one']));
  });

  it('in line for a cell goes on when one that has not started is given up', async () => {
    const { client, journal } = await stage(
      { concurrency: 1, queue: CELLS },
      { pollWindow: 0, timeout: Number.POSITIVE_INFINITY },
    );
    // After its first call a client looks by a timer whether its server refuses it. That is over when these are.
    await client.reset();
    await client.wait(LOOK_MS);
    const giving = new AbortController();
    const calls = Array.from({ length: CELLS }, (_, number) =>
      errorOf(client.hang(String(number), { signal: number === 1 ? giving.signal : undefined })),
    );
    const inLine = client.count(1);
    await journal.waitFor('started 0');
    // By then the client sleeps: nothing else is under way.
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
    giving.abort();
    expect(await calls[1]).toMatchObject({ code: 'CANCELLED', started: false });
    expect(await inLine.next()).toEqual({ value: 0, done: false });
    await client.$close();
    expect(new Set((await Promise.all(calls)).map(({ code }) => code))).toEqual(
      new Set(['CANCELLED', 'CLOSED']),
    );
  });

  it('fails with the error that its method declares, and its data', async () => {
    const { service, client } = await stage();
    const error: unknown = await errorOf(client.add({ a: 101, b: 2 }));
    expect(error).toBeInstanceOf(DeclaredError);
    if (!service.isError(error, 'OVERFLOW')) throw error;
    expect(error.data).toEqual({ limit: 100 });
    expect(error.started).toBe('maybe');
    const empty: unknown = await errorOf(client.add({ a: 0, b: 2 }));
    expect(service.isError(empty, 'EMPTY')).toBe(true);
  });

  it('fails with REMOTE where the handler throws anything else', async () => {
    const { client } = await stage();
    const error = await errorOf(client.fail('not in range'));
    expect(error).toMatchObject({
      code: 'REMOTE',
      started: 'maybe',
      cause: { name: 'RangeError', message: 'not in range' },
    });
    expect((error.cause as Error).stack).toBeUndefined();
    expect(await errorOf(client.wrong())).toMatchObject({
      code: 'REMOTE',
      cause: { name: 'TypeError', message: expect.stringContaining('its answer does not fit') },
    });
  });

  it('brings the stack where the server sends it', async () => {
    const { client } = await stage({ stacks: true });
    const { cause } = await errorOf(client.fail('here'));
    expect((cause as Error).stack).toMatch(/^RangeError: here\n {4}at .*desk/);
  });

  it('fails before it is sent where the input does not fit', async () => {
    const { client } = await stage();
    expect(await errorOf(client.add({ a: 'one' as never, b: 2 }))).toMatchObject({
      code: 'REFUSED',
      started: false,
    });
    expect(await errorOf(client.size(new Uint8Array(64 * 2 ** 20)))).toMatchObject({
      code: 'REFUSED',
      started: false,
    });
  });

  it('settles when it is sent, where it is one way', async () => {
    const { client, journal } = await stage();
    expect(await client.log('one')).toBeUndefined();
    await journal.waitFor('one');
  });
});

describe('a call that is given up', () => {
  it('by its timeout, while it runs', async () => {
    const { client, journal } = await stage();
    const call = errorOf(client.hang('x', { timeout: 500 }));
    await journal.waitFor('started x');
    expect(await call).toMatchObject({ code: 'TIMEOUT', started: 'maybe' });
    await journal.waitFor('cancelled x');
    expect(await client.add({ a: 1, b: 1 })).toBe(2);
  });

  it('by its signal, while it runs', async () => {
    const { client, journal } = await stage();
    const controller = new AbortController();
    const call = errorOf(client.hang('x', { signal: controller.signal }));
    await journal.waitFor('started x');
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await call).toMatchObject({ code: 'CANCELLED', started: 'maybe', cause: reason });
    await journal.waitFor('cancelled x');
  });

  it('before it runs: then it never does', async () => {
    const { client, journal } = await stage({ concurrency: 1 });
    const controller = new AbortController();
    const first = errorOf(client.hang('first', { signal: controller.signal }));
    await journal.waitFor('started first');
    const second = await errorOf(client.hang('second', { timeout: 20 }));
    expect(second).toMatchObject({ code: 'TIMEOUT', started: false });
    const aborted = await errorOf(client.hang('third', { signal: AbortSignal.abort() }));
    expect(aborted).toMatchObject({ code: 'CANCELLED', started: false });
    controller.abort();
    await first;
    await journal.waitFor('cancelled first');
    expect(await client.wait(0)).toBe('one');
    expect(journal.lines).toEqual(['started first', 'cancelled first']);
  });

  it('with the client', async () => {
    const { client, journal } = await stage({ concurrency: 1 });
    const first = errorOf(client.hang('first'));
    await journal.waitFor('started first');
    const second = errorOf(client.hang('second'));
    await client.$close();
    expect(await first).toMatchObject({ code: 'CLOSED', started: 'maybe' });
    expect(await second).toMatchObject({ code: 'CLOSED', started: false });
    expect(await errorOf(client.add({ a: 1, b: 2 }))).toMatchObject({ code: 'CLOSED', started: false });
    await journal.waitFor('cancelled first');
  });

  it('with the call that it is made for', async () => {
    const { client } = await stage();
    const outer = new AbortController();
    const within = { deadline: Number.POSITIVE_INFINITY, signal: outer.signal };
    const call = errorOf(client.hang('x', { within }));
    outer.abort();
    expect(await call).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('without a server', () => {
  it('a call fails at once', async () => {
    const client = toClose(await desk(uniqueName('none')).client());
    expect(await errorOf(client.add({ a: 1, b: 2 }))).toMatchObject({ code: 'NO_SERVER', started: false });
  });

  it('a call waits for one where it is to', async () => {
    const service = desk(uniqueName('late'));
    const client = toClose(await service.client({ waitForServer: Number.POSITIVE_INFINITY }));
    const call = client.add({ a: 1, b: 2 });
    toClose(await service.serve(handlersOf(new Journal())));
    expect(await call).toBe(3);
  });

  it('a call waits as long as it is to', async () => {
    const client = toClose(await desk(uniqueName('none')).client({ waitForServer: 20 }));
    expect(await errorOf(client.add({ a: 1, b: 2 }))).toMatchObject({ code: 'NO_SERVER', started: false });
    expect(await errorOf(client.add({ a: 1, b: 2 }, { timeout: 1 }))).toMatchObject({
      code: 'TIMEOUT',
      started: false,
    });
  });
});

describe('a server', () => {
  it('answers BUSY beyond its queue, and nothing of that runs', async () => {
    const { client, journal } = await stage({ concurrency: 1, queue: 1 });
    const calls = ['a', 'b', 'c'].map((what) => errorOf(client.hang(what)));
    expect(await calls[2]).toMatchObject({ code: 'BUSY', started: false });
    await client.$close();
    await Promise.all(calls);
    expect(journal.lines).not.toContain('started c');
  });

  it('drains: what runs ends, what waits goes elsewhere', async () => {
    const { service, client, server, journal } = await stage({ concurrency: 1 });
    const running = client.wait(50);
    await journal.waitFor('started wait 50');
    const waiting = client.wait(0);
    const other = toClose(await service.serve(handlersOf(journal, 'two'), { name: 'two' }));
    await client.log('sent');
    const drained = server.drain();
    expect(await running).toBe('one');
    expect(await waiting).toBe('two');
    await drained;
    expect(server.isOpen).toBe(false);
    expect(await client.wait(0)).toBe('two');
    expect(other.outstanding).toBe(0);
    expect(await server.closed).toEqual({ reason: 'local' });
  });

  it('cancels what runs when it closes', async () => {
    const { client, server, journal } = await stage();
    const call = client.hang('x');
    await journal.waitFor('started x');
    await server.close();
    await journal.waitFor('cancelled x');
    // The handler has answered at once.
    expect(await call).toBe('cancelled');
  });

  it('closes, and handlers that fail of that answer nothing: their calls have lost their server', async () => {
    const service = desk(uniqueName('leaves'));
    const journal = new Journal();
    const untilClosed = (what: string, { signal }: Context): Promise<string> => {
      journal.write(`started ${what}`);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const handlers = { ...handlersOf(journal, 'one'), hang: untilClosed, hangAgain: untilClosed };
    const server = toClose(await service.serve(handlers));
    const client = toClose(await service.client());
    const lost = errorOf(client.hang('once'));
    const again = client.hangAgain('again');
    await journal.waitFor('started once');
    await journal.waitFor('started again');
    toClose(await service.serve({ ...handlers, hangAgain: () => 'two' }));
    await server.close();
    expect(await lost).toMatchObject({ code: 'SERVER_DIED', started: 'maybe' });
    // It may run again, so it does.
    expect(await again).toBe('two');
  });

  it('refuses handlers and options that it cannot use', async () => {
    const service = desk(uniqueName('wrong'));
    await expect(service.serve({} as never)).rejects.toMatchObject({ code: 'INVALID_HANDLERS' });
    await expect(service.serve(handlersOf(new Journal()), { concurrency: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(service.client({ wait: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('$servers and $all', () => {
  it('know every server', async () => {
    const { service, client, journal } = await stage();
    toClose(await service.serve(handlersOf(journal, 'two'), { name: 'two' }));
    await expect.poll(() => client.$servers.length).toBe(2);
    const answers = await client.$all.wait(0);
    expect(answers.map(({ server, ...answer }) => [server.name, answer])).toEqual([
      ['one', { status: 'fulfilled', value: 'one' }],
      ['two', { status: 'fulfilled', value: 'two' }],
    ]);
    const [one] = client.$servers;
    expect(one).toMatchObject({ name: 'one', pid: process.pid, outstanding: 0, served: 1, errors: 0 });
    const failed = await client.$all.fail('x');
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(client.$servers.map(({ errors }) => errors)).toEqual([1, 1]);
  });
});
