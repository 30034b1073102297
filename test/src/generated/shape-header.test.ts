import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  array,
  f64,
  nullable,
  oneOf,
  optional,
  string,
  struct,
  timestamp,
  u8,
  u32,
  unknown,
} from '@mmfbus/codec';
import { generate } from '@mmfbus/generate';
import { beforeAll, describe, expect, test } from 'vitest';
import { compile, compileCpp } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { workspaceRoot } from '../support/workspace.js';

const order = struct({
  id: u32({ min: 1 }),
  side: oneOf('buy', 'sell'),
  legs: array(struct({ price: f64(), quantity: u8({ min: 1 }) }), { maxItems: 3 }),
  note: optional(string({ maxLength: 3 })),
  owner: nullable(string()),
  at: timestamp(),
  any: unknown(),
});

describe('mmfbus_shape.h with a generated header', () => {
  const source = join(workspaceRoot, 'test', 'native', 'shape_test.c');
  const folder = join(workspaceRoot, 'test', '.cache', 'generate');
  const header = generate(order, { language: 'c', name: 'order' });
  const flags = ['-I', join(workspaceRoot, 'packages', 'native', 'include'), '-I', folder, '-pthread'];
  // Programs are compiled once for each state of their sources, and a generated header is none.
  flags.push(`-DHEADER_${createHash('sha256').update(header).digest('hex')}`);

  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'order.h'), header);
  });

  test.each([
    ['C', () => compile('shape-test', [source], [...flags, ...SANITIZERS])],
    ['C++', () => compileCpp('shape-test-cpp', [source], ['-xc++', ...flags, ...SANITIZERS])],
  ])('does what it says, as %s', (_, program) => {
    const { status, stdout, stderr } = spawnSync(program(), { encoding: 'utf8', timeout: 100_000 });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'all is well\n', stderr: '' });
  });
});
