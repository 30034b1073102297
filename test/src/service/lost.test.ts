import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, f64, string, struct } from '@mmfbus/codec';
import { defineService, method, type ServiceError } from '@mmfbus/service';
import { afterEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startCode, startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';
import { desk, handlersOf, Journal } from './desk.js';

const directory = ownDirectory('lost');
/** Segments are no files on Windows, and no limit of descriptors can be set there. */
const onPosix = describe.skipIf(process.platform === 'win32');

const closing: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function toClose<C extends AsyncDisposable>(one: C): C {
  closing.push(one);
  return one;
}

async function errorOf(call: Promise<unknown>): Promise<ServiceError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`it gave ${JSON.stringify(outcome.value)}`);
  return outcome.error as ServiceError;
}

function removeFiles(part: string): void {
  const names = readdirSync(directory).filter((name) => name.includes(part));
  expect(names).toHaveLength(1);
  for (const name of names) rmSync(join(directory, name));
}

onPosix('a mailbox whose file is removed', () => {
  it('is replaced: what runs is given up, what waits goes on', async () => {
    const service = desk(uniqueName('mailbox'));
    const journal = new Journal();
    toClose(await service.serve(handlersOf(journal, 'one'), { concurrency: 1 }));
    const client = toClose(await service.client());
    const running = errorOf(client.hang('x'));
    await journal.waitFor('started x');
    const waiting = client.wait(0);
    removeFiles('~replies.');
    expect(await running).toMatchObject({ code: 'MAILBOX_LOST', started: 'maybe' });
    expect(await waiting).toBe('one');
    await journal.waitFor('cancelled x');
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
  });
});

onPosix('an inbox whose file is removed', () => {
  it('closes its server', async () => {
    const service = desk(uniqueName('inbox'));
    const server = await service.serve(handlersOf(new Journal()));
    const client = toClose(await service.client());
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    removeFiles('~calls.');
    expect(await server.closed).toMatchObject({ reason: 'lost', error: { code: 'NAMES_REMOVED' } });
    expect(await errorOf(client.add({ a: 1, b: 2 }))).toMatchObject({ code: 'NO_SERVER', started: false });
  });
});

onPosix('a server that has no descriptors left', () => {
  it('refuses a client, whose calls go to another one', async () => {
    const service = uniqueName('refused');
    const program = startProgram('desk-server', {
      args: [service, 'poor', '', '{}'],
      within: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
      nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(STARVING)}`],
    });
    await program.waitForLine(/^ready$/);
    const client = toClose(await desk(service).client());
    const error = await errorOf(client.who());
    expect(error).toMatchObject({ code: 'UNREACHABLE', started: false });
    toClose(await desk(service).serve(handlersOf(new Journal(), 'rich'), { name: 'rich' }));
    await expect.poll(() => client.$servers.length).toBeGreaterThan(0);
    expect(await client.wait(0)).toBe('rich');
    program.send('close');
    await program.exit();
  });
});

/** Takes all descriptors that are left as soon as the program says that it is ready. */
const STARVING = `
  import { openSync } from 'node:fs';
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text, ...rest) => {
    if (String(text).startsWith('ready')) try { for (;;) openSync('/dev/null'); } catch {}
    return write(text, ...rest);
  };
`;

describe('contracts that differ', () => {
  it('leave what both know callable', async () => {
    const name = uniqueName('grown');
    const grown = defineService({
      name,
      methods: {
        add: method({ input: struct({ a: f64(), b: f64() }), output: f64() }),
        more: method({ output: string() }),
        other: method({ input: f64(), output: f64() }),
      },
    });
    const old = defineService({
      name,
      methods: {
        add: method({ input: struct({ a: f64(), b: f64() }), output: f64() }),
        other: method({ input: string(), output: f64() }),
        gone: method({ output: string() }),
      },
    });
    const newHandlers = {
      add: ({ a, b }: { a: number; b: number }) => a + b,
      more: () => 'more',
      other: (x: number) => x,
    };
    const server = toClose(await grown.serve(newHandlers));
    const client = toClose(await old.client());
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    expect(await errorOf(client.gone())).toMatchObject({ code: 'NO_METHOD', started: false });
    const different = await errorOf(client.other('x'));
    expect(different).toMatchObject({ code: 'NO_METHOD', started: false });
    expect(different.message).toMatch(/another method of that name: input.*f64/);
    await server.close();
    const oldHandlers = { add: newHandlers.add, other: (text: string) => text.length, gone: () => 'there' };
    toClose(await old.serve(oldHandlers));
    const newer = toClose(await grown.client());
    expect(await newer.add({ a: 2, b: 2 })).toBe(4);
    expect(await errorOf(newer.more())).toMatchObject({ code: 'NO_METHOD' });
  });
});

describe('calls within calls', () => {
  it('have the time that is left, and are given up with the outer one', async () => {
    const [inner, outer] = [desk(uniqueName('inner')), desk(uniqueName('outer'))];
    const journal = new Journal();
    toClose(await inner.serve(handlersOf(journal)));
    const toInner = toClose(await inner.client());
    const deadlines: number[] = [];
    const handlers = {
      ...handlersOf(new Journal()),
      hang: async (what: string, context: Parameters<ReturnType<typeof handlersOf>['hang']>[1]) => {
        deadlines.push(context.deadline);
        return toInner.hang(what, { within: context });
      },
    };
    toClose(await outer.serve(handlers));
    const client = toClose(await outer.client());
    const controller = new AbortController();
    const call = errorOf(client.hang('x', { signal: controller.signal }));
    await journal.waitFor('started x');
    controller.abort();
    expect(await call).toMatchObject({ code: 'CANCELLED' });
    await journal.waitFor('cancelled x');
    expect(deadlines[0]).toBeGreaterThan(0);
    expect(Number.isFinite(deadlines[0])).toBe(true);
  });
});

describe('bytes without a copy', () => {
  it('stay what they are', async () => {
    const views = bytes({ copy: false });
    const service = defineService({
      name: uniqueName('views'),
      methods: { echo: method({ input: views, output: views }) },
    });
    const kept: Uint8Array[] = [];
    toClose(
      await service.serve({
        echo: (data) => {
          kept.push(data);
          return data;
        },
      }),
    );
    const client = toClose(await service.client());
    const answers = await Promise.all([1, 2, 3].map((value) => client.echo(new Uint8Array(50).fill(value))));
    await client.echo(new Uint8Array(50).fill(9));
    expect(answers.map(([first]) => first)).toEqual([1, 2, 3]);
    expect(kept.map(([first]) => first)).toEqual([1, 2, 3, 9]);
  });
});

describe('diagnostics', () => {
  it('tell of calls, and of the handlers that ran', async () => {
    const told: string[] = [];
    const listener = (message: unknown, channel: string | symbol): void => {
      const { method: name, outcome, error, duration } = message as Record<string, never>;
      if (duration !== undefined) expect(duration).toBeGreaterThanOrEqual(0);
      told.push(
        [String(channel).split(':').at(-1), name, outcome ?? (error as unknown as ServiceError)?.code]
          .join(' ')
          .trim(),
      );
    };
    const channels = ['start', 'end', 'error', 'handled', 'failover'].map((event) => `mmfbus:call:${event}`);
    for (const channel of channels) subscribe(channel, listener);
    try {
      const service = desk(uniqueName('told'));
      toClose(await service.serve(handlersOf(new Journal())));
      const client = toClose(await service.client());
      await client.add({ a: 1, b: 2 });
      await errorOf(client.fail('x'));
      await errorOf(client.hang('x', { timeout: 0 }));
    } finally {
      for (const channel of channels) unsubscribe(channel, listener);
    }
    expect(told).toEqual([
      'start add',
      'handled add answered',
      'end add',
      'start fail',
      'handled fail failed',
      'error fail REMOTE',
      'start hang',
      'error hang TIMEOUT',
    ]);
  });
});

describe('a process', () => {
  it('ends by itself with an idle client', async () => {
    const name = uniqueName('idle');
    const program = startCode(
      `
      import { defineService, method } from '@mmfbus/service';
      import { f64 } from '@mmfbus/codec';
      const service = defineService({ name: '${name}', methods: { twice: method({ input: f64(), output: f64() }) } });
      const server = await service.serve({ twice: (x) => 2 * x });
      const client = await service.client();
      console.log(await client.twice(21));
      await server.close();
    `,
      { cwd: join(workspaceRoot, 'test') },
    );
    expect(await program.success()).toBe('42\n');
  });
});
