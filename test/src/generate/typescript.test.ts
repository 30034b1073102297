import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  canonicalText,
  map,
  nullable,
  oneOf,
  optional,
  record,
  type Shape,
  shapeFromText,
  string,
  struct,
  u8,
  u64,
  union,
  unknown,
} from '@mmfbus/codec';
import { type GenerateOptions, generate } from '@mmfbus/generate';
import fc from 'fast-check';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { shapedValues } from '../codec/random-shapes.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder } from '../support/workspace.js';

const SEED = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_123);

const folder = temporaryFolder('typescript');
mkdirSync(join(folder, 'node_modules'));
symlinkSync(packageFolder('mmfbus'), join(folder, 'node_modules', 'mmfbus'), 'junction');
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');

/** What an attacker would put into the names of a shape. */
const hostileTexts = [
  `'`,
  `'); throw new Error('out'); ('`,
  '\\',
  `\\'`,
  '\n',
  '\r',
  '\u2028',
  '\u2029',
  '*/ throw 1; /*',
  '// x',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a careless generator would put in.
  '`${globalThis.process.exit(1)}`',
  '\0',
  '\x1b[2J',
  '\x9b31m',
  '\u202e',
  '\ufeff',
  '😀',
  '</script>',
  'constructor',
  'prototype',
  'toString',
  'default',
  'ключ',
  '',
  ' ',
  '0',
  '-1',
  '1e3',
];

const hostileShapes: readonly Shape[] = [
  struct(Object.fromEntries(hostileTexts.map((name) => [name, u8()]))),
  oneOf(...(hostileTexts as [string])),
  union("it's", Object.fromEntries(hostileTexts.map((name) => [name, struct({ 'a-b': u64() })]))),
  ...hostileTexts.map((tag) => union(tag, { a: struct({}) })),
  oneOf('__proto__'),
];

interface Definition {
  readonly shape: Shape;
  readonly options: GenerateOptions;
  readonly code: string;
}

/** Writes a module for each shape, type-checks all of them at once, and compiles them. */
function compiled(
  shapes: readonly Shape[],
  label: string,
  layout: 'map' | 'array',
): readonly (Definition & { url: string })[] {
  const definitions = shapes.map((shape, index) => {
    const options = { language: 'typescript', name: `shape-${index}`, layout } as const;
    const path = join(folder, `${label}${index}.ts`);
    const code = generate(shape, options);
    writeFileSync(path, code);
    return { shape, options, code, path };
  });
  const problems = problemsOf(definitions.map(({ path }) => path));
  expect(problems).toEqual([]);
  return definitions.map((definition) => {
    const { outputText } = ts.transpileModule(definition.code, { compilerOptions });
    const path = definition.path.replace(/ts$/, 'js');
    writeFileSync(path, outputText);
    return { ...definition, url: pathToFileURL(path).href };
  });
}

const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  noUnusedLocals: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
};

function problemsOf(paths: readonly string[]): string[] {
  const program = ts.createProgram([...paths], compilerOptions);
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
}

async function shapeOf({
  url,
  options,
}: {
  readonly url: string;
  readonly options: GenerateOptions;
}): Promise<Shape> {
  const exported = (await import(url)) as Record<string, Shape>;
  return exported[options.name.replace('-', '')] as Shape;
}

describe('TypeScript', () => {
  test.each(['map', 'array'] as const)('compiles and gives the same shape, structs as %s', async (layout) => {
    const samples = fc.sample(shapedValues, { seed: SEED, numRuns: 60 }).map(({ shape }) => shape);
    const definitions = compiled([...samples, ...hostileShapes], layout, layout);
    for (const definition of definitions) {
      const made = await shapeOf(definition);
      expect(canonicalText(made)).toBe(canonicalText(definition.shape));
      // Also what is not in the text: bigint or number, Map or object, copy or view.
      expect(made.node).toStrictEqual(definition.shape.node);
      const again = generate(shapeFromText(canonicalText(made)), definition.options);
      expect(generate(shapeFromText(canonicalText(definition.shape)), definition.options)).toBe(again);
    }
  });

  test('has nothing in it but printable ASCII', () => {
    for (const shape of hostileShapes) {
      const code = generate(shape, { language: 'typescript', name: 'hostile' });
      expect(code).toMatch(/^[\n\x20-\x7e]*$/);
    }
  });

  test('looks as people write it', () => {
    const shape = union('type', {
      trade: struct({
        id: u64(),
        'last price': nullable(u8({ min: 1 })),
        note: optional(string({ maxLength: 9 })),
      }),
      halt: struct({ by: map(u8(), record(unknown())), since: u64({ as: 'number', min: 5 }) }),
    });
    expect(generate(shape, { language: 'typescript', name: 'market-event', layout: 'array' })).toBe(
      `// Written by mmfbus-generate from a shape.
import { codecOf, map, nullable, optional, record, string, struct, u64, u8, union, unknown, type Infer } from 'mmfbus';

export const marketEvent = union('type', {
  trade: struct({
    id: u64(),
    'last price': nullable(u8({ min: 1 })),
    note: optional(string({ maxLength: 9 })),
  }),
  halt: struct({
    by: map(u8(), record(unknown())),
    since: u64({ as: 'number', min: 5 }),
  }),
});

// Structs are written as arrays.
export const marketEventCodec = codecOf(marketEvent, { layout: 'array' });

export type MarketEvent = Infer<typeof marketEvent>;
`,
    );
  });

  test('has the type of the values', () => {
    const shape = struct({ id: u64(), side: oneOf('buy', 'sell'), note: optional(nullable(string())) });
    writeFileSync(join(folder, 'order.ts'), generate(shape, { language: 'typescript', name: 'order' }));
    const user = join(folder, 'user.ts');
    const lines = [
      `import type { Order } from './order.js';`,
      `export const good: Order = { id: 1n, side: 'buy', note: null };`,
      '// @ts-expect-error: a number is no bigint.',
      `export const bad: Order = { id: 1, side: 'buy' };`,
      '// @ts-expect-error: none of the strings.',
      `export const worse: Order = { id: 1n, side: 'hold' };`,
    ];
    writeFileSync(user, lines.join('\n'));
    expect(problemsOf([user])).toEqual([]);
  });

  test.each([
    'struct',
    'string',
    'infer',
    'await',
    'undefined',
    'default',
    'u8',
    'codec-of',
    'class',
    'a',
    'eval',
  ])('compiles with the name %s', (name) => {
    const path = join(folder, `named-${name}.ts`);
    writeFileSync(
      path,
      generate(struct({ a: string(), b: u8() }), { language: 'typescript', name, layout: 'array' }),
    );
    expect(problemsOf([path])).toEqual([]);
  });

  test('refuses an order of fields that no object has', () => {
    const text = (fields: string) => `{"version":1,"shape":{"array":{"struct":[${fields}]}}}`;
    const written = (fields: string) =>
      generate(shapeFromText(text(fields)), { language: 'typescript', name: 'odd' });
    expect(written('["1","u8"],["20","u8"],["b","u8"],["01","u8"]')).toContain("'1': u8(),");
    expect(() => written('["b","u8"],["1","u8"]')).toThrow(
      expect.objectContaining({ code: 'SHAPE', message: expect.stringContaining('before "b"') }),
    );
    expect(() => written('["2","u8"],["1","u8"]')).toThrow(expect.objectContaining({ code: 'SHAPE' }));
  });
});

test.each(['typescript', 'c', 'rust', 'python'] as const)(
  'code for %s is the same from a shape and from its text',
  (language) => {
    const shape = struct({
      id: u64(),
      by: map(u8(), nullable(string())),
      event: union('type', { a: struct({ x: optional(u8({ max: 9 })) }), b: struct({}) }),
      side: oneOf('buy', 'sell'),
    });
    const options = { language, name: 'sample' };
    expect(generate(shapeFromText(canonicalText(shape)), options)).toBe(generate(shape, options));
  },
);

test('a shape that would become megabytes of code is refused', () => {
  const names = Array.from({ length: 30_000 }, (_, index) => `name${index}`);
  const shape = oneOf(...(names as [string]));
  expect(() => generate(shape, { language: 'c', name: 'large' })).toThrow(
    expect.objectContaining({
      code: 'SHAPE',
      message: expect.stringMatching(/has \d+ characters, and may have 262144$/),
    }),
  );
});

test('names that are all alike in another language are told apart', () => {
  // Not one of them has a letter of ASCII.
  const fields = Array.from(
    { length: 10_000 },
    (_, index) => [String.fromCodePoint(0x4e00 + index), u8()] as const,
  );
  const header = generate(struct(Object.fromEntries(fields)), { language: 'c', name: 'alike' });
  expect(header).toContain('field_10000;');
});
