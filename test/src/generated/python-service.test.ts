import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateService } from '@mmfbus/generate';
import { defineService } from '@mmfbus/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contracts } from '../service/random-contracts.js';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { calc, requireCalling, requireServing } from './calc-service.js';

ownDirectory('generated-python-services');

const folder = temporaryFolder('python-service');
const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_201);
const CONTRACTS = 50;

/** A program that runs `test/native/calc_peer.py`, with the modules that are generated now. */
function peer(): string {
  const code = generateService(calc('calc').contract, { language: 'python', name: 'calc' });
  writeFileSync(join(folder, 'calc.py'), code);
  const path = [folder, join(workspaceRoot, 'packages', 'native', 'python')].join(':');
  const source = join(workspaceRoot, 'test', 'native', 'calc_peer.py');
  const program = join(folder, 'calc-peer');
  const run = `exec '${commandOf('msgpack for Python')}' -W error '${source}' "$@"`;
  const lines = ['#!/bin/sh', `export PYTHONPATH='${path}' PYTHONDONTWRITEBYTECODE=1`, run, ''];
  writeFileSync(program, lines.join('\n'), { mode: 0o755 });
  return program;
}

describe('a generated module of a service', () => {
  test('calls a server in Node', () => requireCalling(peer()));

  test('serves a client in Node, and one in its own language', () => requireServing(peer(), 'python'));
});

test('modules of any contracts have type hints that can be resolved', async () => {
  const samples = fc.sample(contracts, { numRuns: CONTRACTS, seed: SEED });
  const names = samples.map((methods, index) => {
    const { contract } = defineService({ name: 'any', methods });
    const code = generateService(contract, { language: 'python', name: `service-${index}` });
    writeFileSync(join(folder, `service_${index}.py`), code);
    return `service_${index}`;
  });
  const program = startNode('hints', { runtime: [peer()] });
  program.send(names.join(' '));
  program.endInput();
  expect((await program.success()).trimEnd().split('\n')).toEqual(names);
});
