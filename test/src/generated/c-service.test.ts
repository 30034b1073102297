import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { f64, optional, string, struct, u32 } from '@mmfbus/codec';
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
import { calcPeer } from './calc-peer.js';
import { CALLED, calc, calcHandlers, requireCalling, requireServing } from './calc-service.js';

ownDirectory('generated-services');

const folder = temporaryFolder('c-service');
const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_201);
const CONTRACTS = 12;

/** The service some time later. */
function grownCalc(name: string) {
  return defineService({
    name,
    methods: {
      add: method({
        input: struct({ a: f64(), b: f64(), note: optional(string()) }),
        output: f64(),
        errors: { OVERFLOW: struct({ limit: f64(), by: optional(f64()) }), UNDERFLOW: nothing() },
      }),
      log: method({ input: string() }),
      reset: method({ output: nothing(), idempotent: true }),
      sum: method({ input: stream(f64()), output: f64() }),
      ticks: method({
        input: struct({ symbol: string(), count: u32(), step: optional(f64()) }),
        output: stream(struct({ symbol: string(), price: f64(), size: optional(u32()) })),
      }),
    },
  });
}

describe.each([
  ['C', compile, SANITIZERS],
  ['C++', compileCpp, ['-xc++']],
] as const)('a generated header in %s', (_, compileIt, flags) => {
  const program = () => calcPeer(compileIt, flags);

  test('calls a server in Node', () => requireCalling(program()));

  test('serves a client in Node, and one in its own language', () => requireServing(program(), 'c'));
});

describe('a contract that has grown', () => {
  const program = (version: typeof calc | typeof grownCalc) =>
    // What the program does not know of it does not set.
    calcPeer(compile, ['-O0', '-Wno-missing-field-initializers'], version);
  const serving = async (version: typeof calc | typeof grownCalc, name: string) => {
    const server = startNode('serve', { runtime: [program(version)], args: [name] });
    await server.waitForLine(/^ready$/);
    return server;
  };
  const calling = async (version: typeof calc | typeof grownCalc, name: string) => {
    const output = await startNode('call', { runtime: [program(version)], args: [name] }).success();
    return output.trimEnd().split('\n');
  };

  test.each([
    ['an old', 'a new', calc, grownCalc],
    ['a new', 'an old', grownCalc, calc],
  ] as const)('is called by %s program in C at %s server in Node and in C', async (_, __, ours, theirs) => {
    const name = uniqueName('grown');
    const server = await theirs(name).serve(calcHandlers([]));
    expect(await calling(ours, name)).toEqual(CALLED);
    await server.close();
    const native = await serving(theirs, name);
    expect(await calling(ours, name)).toEqual(CALLED);
    native.endInput();
    await native.success();
  });

  test.each([
    ['an old', 'a new', calc, grownCalc],
    ['a new', 'an old', grownCalc, calc],
  ] as const)('is called by %s program in Node at %s server in C', async (_, __, ours, theirs) => {
    const service = ours(uniqueName('grown'));
    const native = await serving(theirs, service.name);
    const client = await service.client();
    // What an old contract does not have is left out.
    const [sum, asked] = [
      { a: 1, b: 2, note: 'new' },
      { symbol: 'A', count: 1, step: 2 },
    ];
    expect(await client.add(sum)).toBe(3);
    const error = await client.add({ a: 101, b: 2 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'OVERFLOW', data: { limit: 100 } });
    const ticks: unknown[] = [];
    for await (const tick of client.ticks(asked)) ticks.push(tick);
    expect(ticks).toEqual([{ symbol: 'A', price: 0 }]);
    await client.$close();
    native.endInput();
    await native.success();
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
