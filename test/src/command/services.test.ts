import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { killed } from '../e2e/channel-agent.js';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startCode, startProgram } from '../support/spawn.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import {
  IN_SHELL,
  inTerminal,
  leave,
  linesOf,
  objectsOf,
  PRICES,
  publisherProgram,
  run,
  runWith,
  start,
} from './command-support.js';

const directory = ownDirectory('services');
const isWindows = process.platform === 'win32';

/** A server of the service of the tests. */
async function serve(service: string, name: string, options: object = {}): Promise<Program> {
  const program = startProgram('desk-server', { args: [service, name, '', JSON.stringify(options)] });
  await program.waitForLine(/^ready$/);
  return program;
}

/** A client of it that makes one call. */
async function call(service: string, method: string, input: unknown): Promise<Program> {
  const program = startProgram('desk-client', { args: [service, method, JSON.stringify(input)] });
  await program.waitForLine(/^ready$/);
  return program;
}

async function close(...programs: readonly Program[]): Promise<void> {
  for (const program of programs) program.send('close');
  for (const program of programs) await program.success();
}

/** What is seen of a service, once it is as it is waited for. */
async function serviceWhere(service: string, is: (seen: Seen) => boolean): Promise<Seen> {
  const look = async () => {
    const [seen] = (await objectsOf('services', service, '--sample', '0')) as unknown as Seen[];
    return seen !== undefined && is(seen) ? seen : undefined;
  };
  return vi.waitUntil(look, { timeout: 60_000 });
}

interface Seen {
  readonly running: number;
  readonly servers: readonly { readonly name: string; readonly phase: string }[];
  readonly clients: readonly { readonly name: string; readonly pid: number; readonly servers: number }[];
  readonly methods: readonly { readonly name: string; readonly served: number; readonly failed: number }[];
  readonly calls: readonly { readonly method: string; readonly outcome: string; readonly caller: number }[];
}

describe('mmfbus services', () => {
  it('shows servers, clients, methods, what runs and the last calls', async () => {
    expect(await linesOf('services')).toEqual(['There are no services.']);
    const servers = [await serve('calc', 'one'), await serve('calc', 'two')];
    for (const a of [1, 2, 101]) await run('call', 'calc.add', JSON.stringify({ a, b: 2 }));
    const client = await call('calc', 'hang', 'x');
    const seen = await serviceWhere('calc', ({ running }) => running === 1);
    expect(seen.servers.map(({ name, phase }) => [name, phase]).toSorted()).toEqual([
      ['one', 'serving'],
      ['two', 'serving'],
    ]);
    expect(seen.clients).toMatchObject([{ name: 'caller', pid: client.pid, servers: 2 }]);
    expect(seen.methods.find(({ name }) => name === 'add')).toMatchObject({
      signature: '({a, b}) → f64',
      errors: ['EMPTY', 'OVERFLOW'],
      served: 3,
      failed: 1,
    });
    expect(seen.calls.map(({ method, outcome }) => [method, outcome])).toEqual([
      ['hang', 'running'],
      ['add', 'failed'],
      ['add', 'answered'],
      ['add', 'answered'],
    ]);
    expect(seen.calls[0]?.caller).toBe(client.pid);

    const [head = '', row = ''] = await linesOf('services');
    expect(head.split(/\s+/)).toEqual(
      'SERVICE METHODS SERVERS CLIENTS RATE OPEN RUNNING CALLS ERRORS P50 P99'.split(' '),
    );
    expect(row).toMatch(/^calc +15 +2 +1 +\S+ +1 +1 +3 +! 1 /);
    const text = (await linesOf('services', 'calc')).join('\n');
    expect(text).toMatch(/^calc {2}2 servers, 1 clients, /);
    // What a process runs is read from /proc.
    const [serving, calling] = isWindows ? ['-', ''] : ['desk-server\\.js', 'desk-client\\.js '];
    expect(text).toMatch(new RegExp(`^one +${servers[0]?.pid} +serving .* ${serving}$`, 'm'));
    expect(text).toMatch(/^add +0\/s +0 +3 +! 1 +0 .* \(\{a, b\}\) → f64$/m);
    expect(text).toMatch(new RegExp(`Running now:\n {2}hang +running .* for ${calling}${client.pid} `));
    await close(client, ...servers);
  });

  it('goes on with --watch, and its rates follow the calls', async () => {
    const server = await serve('calc', 'one');
    const watching = start(['services', 'calc', '--watch', '--json', '--sample', '0']);
    await watching.waitForLine(/"served":0/);
    expect((await run('call', 'calc.add', '{"a":1,"b":2}')).status).toBe(0);
    await watching.waitForLine(/"name":"add".{1,200}"rate":(?!0,).{1,200}"served":1,/);
    watching.kill('SIGINT');
    const { status } = await watching.exit();
    // Windows has no signals: it was killed.
    if (!isWindows) expect(status).toBe(0);
    await close(server);
  });

  it.skipIf(isWindows)(
    'shows a service in place of the look before in a terminal, and its calls in top',
    async () => {
      const script = commandOf('script');
      const server = await serve('calc', 'one');
      const watch = inTerminal(script, `${IN_SHELL} services calc --watch --sample 0; echo "status $?"`);
      await watch.waitForLine(/^one +\d+ +serving/);
      expect((await run('call', 'calc.add', '{"a":1,"b":2}')).status).toBe(0);
      await watch.waitForLine(/^add +\S+ +0 +1 +0/);
      watch.send('\x03');
      await watch.waitForLine(/status 0/);
      // Some lines up, and everything below away.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal obeys.
      expect(await watch.success()).toMatch(/\x1b\[\d+A\r\x1b\[J/);
      const top = inTerminal(script, `${IN_SHELL} top; echo "status $?"`);
      await top.waitForLine(/calc \(service\)/);
      top.send('q');
      await top.waitForLine(/status 0/);
      await top.success();
      await close(server);
    },
  );

  it('is known to ls, top, schema and the completion', async () => {
    const server = await serve('calc', 'one');
    const channel = await publisherProgram('prices', PRICES, '');
    const listed = await objectsOf('ls', '--sample', '0');
    expect(listed.map(({ kind, name }) => [kind, name])).toEqual([
      ['channel', 'prices'],
      ['service', 'calc'],
    ]);
    expect((await linesOf('ls', 'c*', '--sample', '0'))[0]).toMatch(/^SERVICE /);
    const top = (await linesOf('top')).join('\n');
    expect(top).toContain('1 channel   1 service   2 participants');
    expect(top).toMatch(new RegExp(`^calc \\(service\\) .*\n {2}= one \\(${server.pid}\\)`, 'm'));
    expect((await linesOf('schema', 'calc')).join('\n')).toContain("defineService({\n  name: 'calc',");
    const [contract] = await objectsOf('schema', 'calc');
    expect(JSON.parse(String(contract?.['contract']))).toMatchObject({ version: 1 });
    expect(await linesOf('completion', 'words', '--', 'call', 'calc.s')).toEqual(['calc.size', 'calc.sum']);
    expect(await linesOf('completion', 'words', '--', 'services', '')).toEqual(['calc']);
    expect(await linesOf('completion', 'words', '--', 'sub', '')).toEqual(['prices']);
    expect(await linesOf('completion', 'words', '--', 'schema', '')).toEqual(['prices', 'calc']);
    await leave(channel);
    await close(server);
  });
});

describe('mmfbus call', () => {
  it('prints the answer, or fails with the error and its data', async () => {
    const server = await serve('calc', 'one');
    expect(await linesOf('call', 'calc.add', '{"a":1,"b":2}')).toEqual(['3']);
    expect(await objectsOf('call', 'calc.add', '{"a":1,"b":2}')).toEqual([{ value: 3 }]);
    expect(await linesOf('call', 'calc.repeat', '3')).toEqual(['0x070707 (3 bytes)']);
    expect(await linesOf('call', 'calc.size', '"AQID"')).toEqual(['3']);
    expect(await linesOf('call', 'calc.reset')).toEqual([]);
    expect(await linesOf('call', 'calc.log', '"line"')).toEqual([]);
    expect(await runWith('{"a": 1,\n "b": 4}\n', 'call', 'calc.add', '-')).toMatchObject({
      status: 0,
      stdout: '5\n',
    });
    expect(await run('call', 'calc.add', '{"a":101,"b":2}')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'mmfbus call: calc.add: OVERFLOW {limit: 100}\n',
    });
    const { status, stdout } = await run('call', 'calc.add', '{"a":101,"b":2}', '--json');
    expect({ status, error: JSON.parse(stdout).error }).toEqual({
      status: 1,
      error: { code: 'OVERFLOW', message: 'calc.add: OVERFLOW', started: 'maybe', data: { limit: 100 } },
    });
    expect((await run('call', 'calc.fail', '"\\u001b[31mboom"')).stderr).toMatch(
      /RangeError: \\u\{?0*1b\}?\[31mboom \(REMOTE; it may have run\)\n$/,
    );
    await close(server);
  });

  it('asks every server with --all', async () => {
    const servers = [await serve('calc', 'one'), await serve('calc', 'two')];
    const answers = await objectsOf('call', 'calc.who', '--all');
    expect(answers.map((answer) => (answer['server'] as { name: string }).name).toSorted()).toEqual([
      'one',
      'two',
    ]);
    expect(
      (await linesOf('call', 'calc.count', '2', '--all'))
        .map((line) => line.replace(/\d+\)/, ')'))
        .toSorted(),
    ).toEqual(['one ()  0', 'one ()  1', 'two ()  0', 'two ()  1']);
    const failed = await run('call', 'calc.add', '{"a":101,"b":2}', '--all', '--json');
    expect(failed.status).toBe(1);
    expect(failed.stdout.match(/"code":"OVERFLOW"/g)).toHaveLength(2);
    await close(...servers);
  });

  it('streams answers and inputs line by line, until Ctrl-C', async () => {
    const server = await serve('calc', 'one');
    expect(await linesOf('call', 'calc.count', '3', '--stream')).toEqual(['0', '1', '2']);
    expect(await objectsOf('call', 'calc.count', '1e9', '-n', '2')).toEqual([{ value: 0 }, { value: 1 }]);
    expect(await linesOf('call', 'calc.sum', '[1, 2, 3]')).toEqual(['6']);
    expect(await runWith('1\n\n2\n4\n', 'call', 'calc.sum')).toMatchObject({ status: 0, stdout: '7\n' });
    const both = start(['call', 'calc.double']);
    both.send('1');
    await both.waitForLine(/^2$/);
    both.send('21');
    await both.waitForLine(/^42$/);
    both.kill('SIGINT');
    expect(await both.exit()).toMatchObject({ status: isWindows ? null : 0, stderr: '' });
    expect(await runWith('1\nx\n', 'call', 'calc.double')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('line 2: this is no JSON'),
    });
    await close(server);
  });

  it.skipIf(isWindows)('gives up after --timeout, and says whether the call can have run', async () => {
    const server = await serve('calc', 'one');
    server.kill('SIGSTOP');
    expect((await run('call', 'calc.add', '{"a":1,"b":2}', '--timeout', '200')).stderr).toMatch(
      /\(TIMEOUT; it did not run\)\n$/,
    );
    server.kill('SIGCONT');
    await close(server);
  });

  // Windows does not matter to it, and starts its twenty processes slowly.
  it.skipIf(isWindows)('says what is wrong with the command line, and the nearest names', async () => {
    const server = await serve('calc', 'one');
    const cases = [
      [['call', 'cacl.add', '{}'], 1, 'there is no service cacl; did you mean calc?'],
      [['services', 'cal'], 1, 'there is no service cal; did you mean calc?'],
      [['info', 'calc'], 1, 'there is no channel calc, but a service: mmfbus services calc'],
      [['call', 'calc.adt', '{}'], 1, 'calc has no method adt; did you mean add?'],
      [['call', 'calc.\u001b[2J'], 1, 'calc has no method \\u001b[2J, only add, block,'],
      [['call', 'calc.add', '{"a":1,"c":2}'], 1, 'the value has no field c; did you mean a?'],
      [
        ['call', 'calc.add', '{"a":"x","b":2}'],
        1,
        'a: expected f64, got string "x" (REFUSED; it did not run)',
      ],
      [['call', 'calc.add', 'x'], 1, 'this is no JSON'],
      [['call', 'calc.sum', '3'], 1, 'calc.sum takes a stream: a list of its items'],
      [['call', 'calc'], 2, 'name a service and a method, as in calc.add'],
      [['call', 'calc.add'], 2, 'the input is missing: calc.add({a, b}) → f64'],
      [['call', 'calc.who', '1'], 2, 'calc.who takes no input'],
      [['call', 'calc.who', '--stream'], 2, 'calc.who streams nothing'],
      [['call', 'calc.who', '-n', '2'], 2, 'calc.who answers with no stream'],
      [
        ['call', 'calc.sum', '[]', '--all'],
        2,
        'calc.sum takes a stream, which can be sent to one server only',
      ],
      [['call', 'a/b.add'], 2, 'the name of a service has 1 to 100 of the characters'],
      [['services', '--scope', 'machine'], 2, 'services belong to one user'],
      [['schema', 'calc', '--json-schema'], 1, 'the contract of calc cannot be shown as json-schema: '],
      [['schema', 'cal', '--service'], 1, 'there is no service cal; did you mean calc?'],
    ] as const;
    for (const [words, status, message] of cases) {
      const ending = await run(...words);
      expect({ words, status: ending.status, stdout: ending.stdout }).toEqual({ words, status, stdout: '' });
      expect(ending.stderr).toContain(message);
    }
    await close(server);
    expect((await run('call', 'calc.add', '{}')).stderr).toContain('there are no services');
  });
});

describe('mmfbus doctor', () => {
  const found = async (...words: readonly string[]) => {
    const { stdout } = await run('doctor', '--json', ...words);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; text: string; remedy?: string });
  };

  it('finds nothing wrong with a service, and counts it', async () => {
    const server = await serve('calc', 'one');
    const client = await call('calc', 'hang', 'x');
    expect((await found()).map(({ level, text }) => `${level}: ${text}`)).toEqual([
      // Of the folder for memory.
      ...(isWindows ? [] : [expect.stringContaining('fact: ')]),
      'fact: looked at 0 channels with 0 participants',
      'fact: looked at 1 service with 1 server and 1 client',
    ]);
    await close(client, server);
  });

  it.skipIf(isWindows)('finds a server that is stopped, and one that drains', async () => {
    const stopped = await serve('calc', 'stopped');
    const draining = await serve('mail', 'draining');
    const client = await call('mail', 'hang', 'x');
    await serviceWhere('mail', ({ running }) => running === 1);
    draining.send('drain');
    await serviceWhere('mail', ({ servers }) => servers[0]?.phase === 'draining');
    stopped.kill('SIGSTOP');
    const findings = (await found()).filter(({ level }) => level !== 'fact');
    stopped.kill('SIGCONT');
    expect(findings).toEqual([
      {
        level: 'problem',
        text: expect.stringMatching(
          new RegExp(
            `^calc: server stopped, process ${stopped.pid}, .* is stopped \\(SIGSTOP, or Ctrl-Z\\): 0 calls wait`,
          ),
        ),
        remedy: expect.stringContaining(`kill -CONT ${stopped.pid}`),
      },
      {
        level: 'hint',
        text: expect.stringMatching(
          new RegExp(
            `^mail: server draining, process ${draining.pid}, takes no more calls \\(it drains\\), and waits for hang, which has run for `,
          ),
        ),
        remedy: expect.any(String),
      },
    ]);
    client.send('close');
    await client.success();
    await draining.success();
    await close(stopped);
  });

  it('finds servers whose contracts differ', async () => {
    const server = await serve('calc', 'one');
    const code = `
      import { f64, string } from '@mmfbus/codec';
      import { defineService, method } from '@mmfbus/service';
      const calc = defineService({ name: 'calc', methods: { add: method({ input: string(), output: f64() }) } });
      const server = await calc.serve({ add: () => 0 }, { name: 'other' });
      process.stdin.on('end', () => server.close()).resume();
      console.log('ready');
    `;
    const other = startCode(code, { cwd: join(workspaceRoot, 'test') });
    await other.waitForLine(/^ready$/);
    const hints = (await found()).filter(({ level }) => level !== 'fact');
    expect(hints).toHaveLength(1);
    expect(hints[0]?.text).toMatch(
      /^calc\.add: server (one|other), process \d+ has another contract than server (one|other), process \d+: input/,
    );
    await leave(other);
    await close(server);
  });

  it.skipIf(isWindows)('removes what killed servers and clients have left with --fix', async () => {
    const server = await serve('calc', 'one');
    const client = await call('calc', 'hang', 'x');
    await killed(client);
    await killed(server);
    const left = readdirSync(directory);
    expect(left.filter((name) => name.includes('~calls.'))).toHaveLength(1);
    const removed = (await found('--fix')).flatMap(
      ({ text }) => /^leftover ([^:,]+).*; removed$/.exec(text)?.[1] ?? [],
    );
    expect(removed.toSorted()).toEqual(left.toSorted());
    expect(readdirSync(directory)).toEqual([]);
  });
});
