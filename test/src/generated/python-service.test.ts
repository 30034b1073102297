import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateService } from '@mmfbus/generate';
import { defineService } from '@mmfbus/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contracts } from '../service/random-contracts.js';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';
import { CALLED, calc, calcHandlers } from './calc-service.js';

ownDirectory('generated-python-services');

const folder = temporaryFolder('python-service');
const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_201);
const CONTRACTS = 50;

/** `test/python/calc_peer.py`, with the modules that are generated now. */
function start(...args: readonly string[]): Program {
  const code = generateService(calc('calc').contract, { language: 'python', name: 'calc' });
  writeFileSync(join(folder, 'calc.py'), code);
  const peer = join(workspaceRoot, 'test', 'python', 'calc_peer.py');
  return startNode(peer, {
    runtime: [commandOf('msgpack for Python'), '-W', 'error'],
    args,
    env: {
      PYTHONPATH: [folder, join(workspaceRoot, 'packages', 'native', 'python')].join(':'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
}

describe('a generated module of a service', () => {
  test('calls a server in Node', async () => {
    const service = calc(uniqueName('calc'));
    const logged: string[] = [];
    await using _server = await service.serve(calcHandlers(logged));
    const output = await start('call', service.name).success();
    expect(output.trimEnd().split('\n')).toEqual(CALLED);
    expect(logged).toEqual(['hello']);
  });

  test('serves a client in Node, and one in its own language', async () => {
    const service = calc(uniqueName('calc'));
    const server = start('serve', service.name);
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
    expect(client.$servers.map(({ name }) => name)).toEqual(['python']);
    const output = await start('call', service.name).success();
    expect(output.trimEnd().split('\n')).toEqual(CALLED);
    await client.$close();
    server.endInput();
    expect((await server.success()).trimEnd().split('\n')).toEqual(['ready', 'log hello', 'log hello']);
  });
});

test('modules of any contracts have type hints that can be resolved', async () => {
  const samples = fc.sample(contracts, { numRuns: CONTRACTS, seed: SEED });
  const names = samples.map((methods, index) => {
    const { contract } = defineService({ name: 'any', methods });
    const code = generateService(contract, { language: 'python', name: `service-${index}` });
    writeFileSync(join(folder, `service_${index}.py`), code);
    return `service_${index}`;
  });
  const program = start('hints');
  program.send(names.join(' '));
  program.endInput();
  expect((await program.success()).trimEnd().split('\n')).toEqual(names);
});
