import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { f64, shapeFromText, string, struct, u8, unknown } from '@mmfbus/codec';
import { type Contract, generateService } from '@mmfbus/generate';
import {
  compareContracts,
  contractOfText,
  defineService,
  method,
  nothing,
  type Service,
  type ServiceContract,
  stream,
} from '@mmfbus/service';
import fc from 'fast-check';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { contracts } from '../service/random-contracts.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder } from '../support/workspace.js';

const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_201);

const folder = temporaryFolder('typescript-service');
mkdirSync(join(folder, 'node_modules', '@mmfbus'), { recursive: true });
symlinkSync(packageFolder('mmfbus'), join(folder, 'node_modules', 'mmfbus'), 'junction');
symlinkSync(packageFolder('service'), join(folder, 'node_modules', '@mmfbus', 'service'), 'junction');
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');

const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  strict: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  noUnusedLocals: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
};

/** Type-checks what is generated for all of them at once, and runs it. */
async function compiled(written: readonly ServiceContract[]): Promise<readonly ServiceContract[]> {
  const modules = written.map((contract, index) => {
    const code = generateService(contract, { language: 'typescript', name: `service-${index}` });
    const path = join(folder, `service${index}.ts`);
    writeFileSync(path, code);
    return { code, path };
  });
  const program = ts.createProgram(
    modules.map(({ path }) => path),
    compilerOptions,
  );
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  expect(problems).toEqual([]);
  return Promise.all(
    modules.map(async ({ code, path }, index) => {
      const script = path.replace(/ts$/, 'js');
      writeFileSync(script, ts.transpileModule(code, { compilerOptions }).outputText);
      const exported = (await import(pathToFileURL(script).href)) as Record<string, Service<never>>;
      return exported[`service${index}`]!.contract;
    }),
  );
}

describe('a service in TypeScript', () => {
  test('compiles and has the contract that it was written from', async () => {
    const written = fc
      .sample(contracts, { seed: SEED, numRuns: 40 })
      .map((methods, index) => defineService({ name: `random.${index}`, methods }).contract);
    const made = await compiled(written);
    for (const [index, contract] of written.entries()) {
      expect(made[index]?.name).toBe(contract.name);
      // All that a text does not keep is what validators would say.
      expect(made[index]?.text).toBe(contract.text.replaceAll(/"validated"/g, '"unknown"'));
      const outcomes = [...compareContracts(contract, made[index]!).values()].map(({ outcome }) => outcome);
      expect(outcomes).not.toContain('different');
    }
  });

  const { contract } = defineService({
    name: 'desk-1',
    methods: {
      buy: method({
        input: struct({ id: u8(), note: string() }),
        output: f64(),
        errors: { CLOSED: nothing() },
      }),
      ticks: method({ input: stream(f64()), output: stream(unknown()) }),
      price: method({ input: string(), output: f64(), idempotent: true }),
      stop: method({ output: nothing() }),
      ping: method(),
    },
  });

  test('looks as people write it, also from its text', () => {
    const text = generateService(contractOfText('desk-1', contract.text), {
      language: 'typescript',
      name: 'desk',
    });
    expect(text).toBe(generateService(contract, { language: 'typescript', name: 'desk' }));
    expect(text).toBe(`// Written by mmfbus-generate from the contract of a service.
import { f64, string, struct, u8, unknown } from 'mmfbus';
import { defineService, method, nothing, stream } from '@mmfbus/service';

export const desk = defineService({
  name: 'desk-1',
  methods: {
    buy: method({
      input: struct({
        id: u8(),
        note: string(),
      }),
      output: f64(),
      errors: {
        CLOSED: nothing(),
      },
    }),
    ping: method(),
    price: method({
      input: string(),
      output: f64(),
      idempotent: true,
    }),
    stop: method({
      output: nothing(),
    }),
    ticks: method({
      input: stream(f64()),
      output: stream(unknown()),
    }),
  },
});
`);
  });

  test.each(['method', 'stream', 'f64', 'class'])('compiles with the name %s', (name) => {
    expect(generateService(contract, { language: 'typescript', name })).toContain(`export const ${name}_ = `);
  });

  test.each<[string, Contract, object, string]>([
    ['another language', contract, { language: 'go', name: 'desk' }, 'USAGE'],
    ['no name', contract, { language: 'typescript', name: '' }, 'USAGE'],
    [
      'a text that is too long',
      { ...contract, text: ' '.repeat(2 ** 18 + 1) },
      { language: 'typescript', name: 'desk' },
      'SHAPE',
    ],
    [
      'an order of fields that no object has',
      defineService({
        name: 'odd',
        methods: {
          odd: method({ input: shapeFromText('{"version":1,"shape":{"struct":[["b","u8"],["1","u8"]]}}') }),
        },
      }).contract,
      { language: 'typescript', name: 'desk' },
      'SHAPE',
    ],
  ])('is refused for %s', (_, contract, options, code) => {
    expect(() => generateService(contract, options as never)).toThrow(expect.objectContaining({ code }));
  });
});
