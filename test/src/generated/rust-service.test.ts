import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateService } from '@mmfbus/generate';
import { defineService } from '@mmfbus/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contracts } from '../service/random-contracts.js';
import { ownDirectory } from '../support/own-directory.js';
import { compileRust } from '../support/rust.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { calc, requireCalling, requireServing } from './calc-service.js';

ownDirectory('generated-rust-services');

const folder = temporaryFolder('rust-service');
const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_201);
const CONTRACTS = 12;
const RUNTIME = ['mmfbus', 'mmfbus_msgpack', 'mmfbus_service'];

/** A crate in a folder of its own: a program, the modules of this project, and generated ones. */
function crate(name: string, program: string, generated: Readonly<Record<string, string>>): string {
  const own = join(folder, name);
  mkdirSync(own);
  for (const module of RUNTIME)
    copyFileSync(
      join(workspaceRoot, 'packages', 'native', 'rust', `${module}.rs`),
      join(own, `${module}.rs`),
    );
  for (const [module, code] of Object.entries(generated)) writeFileSync(join(own, `${module}.rs`), code);
  const source = join(own, 'main.rs');
  if (program.endsWith('.rs')) copyFileSync(program, source);
  else writeFileSync(source, program);
  // Programs are kept by their sources and flags: that of other generated code is another one.
  const code = Object.values(generated).join('\n');
  const state = Buffer.from(code).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);
  return compileRust(name, source, ['--cfg', `generated_${state}`]);
}

describe('a generated module for Rust', () => {
  let compiled: string | undefined;
  /** Compiled by the first test that asks. */
  const program = () => {
    compiled ??= crate('calc-peer', join(workspaceRoot, 'test', 'native', 'calc_peer.rs'), {
      calc: generateService(calc('calc').contract, { language: 'rust', name: 'calc' }),
    });
    return compiled;
  };

  test('calls a server in Node', () => requireCalling(program()));

  test('serves a client in Node, and one in its own language', () => requireServing(program(), 'rust'));
});

test('modules of any contracts compile, side by side', () => {
  const samples = fc.sample(contracts, { numRuns: CONTRACTS, seed: SEED });
  const generated = Object.fromEntries(
    samples.map((methods, index) => {
      const { contract } = defineService({ name: 'any', methods });
      return [`service_${index}`, generateService(contract, { language: 'rust', name: `service-${index}` })];
    }),
  );
  const modules = [...RUNTIME, ...Object.keys(generated)].map(
    (name) => `#[allow(dead_code)]\nmod ${name};\n`,
  );
  expect(() => crate('all-services', `${modules.join('')}fn main() {}\n`, generated)).not.toThrow();
});
