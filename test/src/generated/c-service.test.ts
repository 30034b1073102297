import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { f64, string, struct, u32 } from '@mmfbus/codec';
import { generateService } from '@mmfbus/generate';
import { defineService, method, nothing, stream } from '@mmfbus/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile, compileCpp } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { contracts } from '../service/random-contracts.js';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

ownDirectory('generated-services');

const folder = temporaryFolder('c-service');
const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_201);
const CONTRACTS = 12;

function calc(name: string) {
  return defineService({
    name,
    methods: {
      add: method({
        input: struct({ a: f64(), b: f64() }),
        output: f64(),
        errors: { OVERFLOW: struct({ limit: f64() }) },
      }),
      log: method({ input: string() }),
      reset: method({ output: nothing() }),
      sum: method({ input: stream(f64()), output: f64() }),
      ticks: method({
        input: struct({ symbol: string(), count: u32() }),
        output: stream(struct({ symbol: string(), price: f64() })),
      }),
    },
  });
}

/** `test/native/calc_peer.c`, with the header that is generated now. */
function peer(compileIt: typeof compile, flags: readonly string[]): string {
  const code = generateService(calc('calc').contract, { language: 'c', name: 'calc' });
  const headers = join(folder, 'headers');
  mkdirSync(headers, { recursive: true });
  writeFileSync(join(headers, 'calc.h'), code);
  const source = join(workspaceRoot, 'test', 'native', 'calc_peer.c');
  // Programs are kept by their sources and flags: that of another header is another one.
  const state = `-DHEADER_${Buffer.from(code).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7)}`;
  return compileIt('calc-peer', [source], [...flags, include, `-I${headers}`, state, '-pthread']);
}

describe.each([
  ['C', compile, SANITIZERS],
  ['C++', compileCpp, ['-xc++']],
] as const)('a generated header in %s', (_, compileIt, flags) => {
  const program = () => peer(compileIt, flags);
  const all = ['add 3', 'OVERFLOW 100 as declared', 'sum 5050', 'tick AAPL 0', 'tick AAPL 1', 'tick AAPL 2'];

  test('calls a server in Node', async () => {
    const service = calc(uniqueName('calc'));
    const logged: string[] = [];
    await using _server = await service.serve({
      add: ({ a, b }, { errors }) => {
        if (a > 100) throw errors.OVERFLOW({ limit: 100 });
        return a + b;
      },
      log: (text) => {
        logged.push(text);
      },
      reset: () => {},
      sum: async (items) => {
        let total = 0;
        for await (const item of items) total += item;
        return total;
      },
      async *ticks({ symbol, count }) {
        for (let price = 0; price < count; price++) yield { symbol, price };
      },
    });
    const output = await startNode('call', { runtime: [program()], args: [service.name] }).success();
    expect(output.trimEnd().split('\n')).toEqual(all);
    expect(logged).toEqual(['hello']);
  });

  test('serves a client in Node, and one in its own language', async () => {
    const service = calc(uniqueName('calc'));
    const server = startNode('serve', { runtime: [program()], args: [service.name] });
    await server.waitForLine(/^ready$/);
    const client = await service.client();
    expect(await client.add({ a: 1, b: 2 })).toBe(3);
    const error = await client.add({ a: 101, b: 2 }).catch((thrown: unknown) => thrown);
    expect(service.isError(error, 'OVERFLOW') && error.data).toEqual({ limit: 100 });
    await client.log('hello');
    await client.reset();
    expect(await client.sum([1, 2, 3])).toBe(6);
    const ticks: unknown[] = [];
    for await (const tick of client.ticks({ symbol: 'A', count: 2 })) ticks.push(tick);
    expect(ticks).toEqual([
      { symbol: 'A', price: 0 },
      { symbol: 'A', price: 1 },
    ]);
    expect(client.$servers.map(({ name }) => name)).toEqual(['c']);
    const output = await startNode('call', { runtime: [program()], args: [service.name] }).success();
    expect(output.trimEnd().split('\n')).toEqual(all);
    await client.$close();
    server.endInput();
    expect((await server.success()).trimEnd().split('\n')).toEqual(['ready', 'log hello', 'log hello']);
  });
});

test('headers of any contracts compile, side by side', () => {
  const samples = fc.sample(contracts, { numRuns: CONTRACTS, seed: SEED });
  const code = samples.map((methods, index) => {
    const { contract } = defineService({ name: 'any', methods });
    return generateService(contract, { language: 'c', name: `service-${index}` });
  });
  const source = join(folder, 'all.c');
  const main = 'int main(void) {\n    return 0;\n}\n';
  writeFileSync(source, `#define MMFBUS_IMPLEMENTATION\n${code.join('\n')}\n${main}`);
  expect(() => compile('all-services', [source], [include, '-O0', '-pthread'])).not.toThrow();
  expect(() => compileCpp('all-services', [source], ['-xc++', include, '-O0', '-pthread'])).not.toThrow();
});
