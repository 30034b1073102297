// What the command shows of a server that is a program in C, and how it calls it.
import { GenerateError, generateService } from '@mmfbus/generate';
import { contractOfText } from '@mmfbus/service';
import { describe, expect, it, vi } from 'vitest';
import { compile } from '../compat/native.js';
import { calcPeer } from '../generated/calc-peer.js';
import { calc } from '../generated/calc-service.js';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startNode } from '../support/spawn.js';
import { leave, linesOf, objectsOf, run } from './command-support.js';

ownDirectory('native-server');

async function serve(): Promise<Program> {
  const server = startNode('serve', { runtime: [calcPeer(compile, ['-O0'])], args: ['calc'] });
  await server.waitForLine(/^ready$/);
  return server;
}

describe('a server in C', () => {
  it('is called by mmfbus call', async () => {
    const server = await serve();
    expect(await linesOf('call', 'calc.add', '{"a":1,"b":2}')).toEqual(['3']);
    expect(await run('call', 'calc.add', '{"a":101,"b":2}')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'mmfbus call: calc.add: OVERFLOW {limit: 100}\n',
    });
    expect(await objectsOf('call', 'calc.ticks', '{"symbol":"A","count":2}')).toEqual([
      { value: { symbol: 'A', price: 0 } },
      { value: { symbol: 'A', price: 1 } },
    ]);
    expect(await linesOf('call', 'calc.sum', '[1, 2, 3]')).toEqual(['6']);
    expect(await linesOf('call', 'calc.reset')).toEqual([]);
    expect(await linesOf('call', 'calc.log', '"line"')).toEqual([]);
    await server.waitForLine(/^log line$/);
    const answers = await objectsOf('call', 'calc.add', '{"a":1,"b":2}', '--all');
    expect(answers).toMatchObject([{ server: { name: 'c' }, value: 3 }]);
    await leave(server);
  });

  it('is shown by mmfbus services, with its methods and last calls', async () => {
    const server = await serve();
    for (const a of [1, 101, 2]) await run('call', 'calc.add', JSON.stringify({ a, b: 2 }));
    // It counts a call after its answer was sent.
    const seen = await vi.waitUntil(
      async () => {
        const [one] = (await objectsOf('services', 'calc', '--sample', '0')) as unknown as Seen[];
        return one?.methods.some(({ served }) => served === 3) ? one : undefined;
      },
      { timeout: 60_000 },
    );
    expect(seen).toMatchObject({ running: 0, servers: [{ name: 'c', pid: server.pid, phase: 'serving' }] });
    expect(seen.methods.find(({ name }) => name === 'add')).toMatchObject({
      signature: '({a, b}) → f64',
      errors: ['OVERFLOW'],
      served: 3,
      failed: 1,
    });
    expect(seen.calls.map(({ method, outcome }) => [method, outcome])).toEqual([
      ['add', 'answered'],
      ['add', 'failed'],
      ['add', 'answered'],
    ]);
    expect((await linesOf('services'))[1]).toMatch(/^calc +5 +1 +0 +\S+ +0 +0 +3 +! 1 /);
    expect((await linesOf('services', 'calc')).join('\n')).toMatch(
      new RegExp(`^c +${server.pid} +serving .*\n`, 'm'),
    );
    await leave(server);
  });

  it('is shown as code by mmfbus schema, in each language that there are stubs for', async () => {
    const server = await serve();
    const [{ contract } = {}] = await objectsOf('schema', 'calc');
    expect(contract).toBe(calc('calc').contract.text);
    const read = contractOfText('calc', String(contract));
    const languages = { ts: 'typescript', c: 'c', rust: 'rust', python: 'python' } as const;
    const shown: string[] = [];
    for (const [option, language] of Object.entries(languages)) {
      const { status, stdout, stderr } = await run('schema', 'calc', `--${option}`, '--name', 'desk');
      try {
        expect(stdout).toBe(generateService(read, { language, name: 'desk' }));
        shown.push(language);
      } catch (error) {
        if (!(error instanceof GenerateError)) throw error;
        expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
        expect(stderr).toBe(
          `mmfbus schema: the contract of calc cannot be shown as ${language}: ${error.message}\n`,
        );
      }
    }
    expect(shown).toEqual(expect.arrayContaining(['typescript', 'c']));
    await leave(server);
  });
});

interface Seen {
  readonly running: number;
  readonly servers: readonly object[];
  readonly methods: readonly { readonly name: string; readonly served: number }[];
  readonly calls: readonly { readonly method: string; readonly outcome: string }[];
}
