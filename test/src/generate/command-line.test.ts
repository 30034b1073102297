import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { f64, struct } from '@mmfbus/codec';
import { GenerateError, generate, generateService } from '@mmfbus/generate';
import { defineService, method } from '@mmfbus/service';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageFolder, workspaceRoot } from '../support/workspace.js';

const program = join(packageFolder('generate'), 'bin', 'mmfbus-generate.js');
const folder = temporaryFolder('command-line');

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, stdout, stderr };
}

function url(name: 'codec' | 'channel' | 'service'): string {
  return pathToFileURL(join(packageFolder(name), 'dist', 'index.js')).href;
}

writeFileSync(
  join(folder, 'shapes.mjs'),
  `import { codecOf, f64, msgpack, nullable, optional, struct } from '${url('codec')}';
import { defineChannel } from '${url('channel')}';
import { defineService, method } from '${url('service')}';
export const quote = struct({ price: f64() });
export const codec = codecOf(quote, { layout: 'array' });
export const channel = defineChannel({ name: 'quotes', schema: quote });
export const options = { name: 'quotes', shape: quote };
export const anything = defineChannel({ name: 'anything' });
export const text = 'no shape';
export const unusable = struct({ a: optional(nullable(f64())) });
export const desk = defineService({ name: 'desk-1', methods: { buy: method({ input: quote, output: f64() }) } });
export const { contract } = desk;
`,
);
writeFileSync(join(folder, 'broken.mjs'), 'throw new Error("out of order");');

const quote = struct({ price: f64() });
const { contract } = defineService({
  name: 'desk-1',
  methods: { buy: method({ input: quote, output: f64() }) },
});

describe('mmfbus-generate', () => {
  test('writes what the function does, to the output or into a file', () => {
    const header = generate(quote, { language: 'c', name: 'quote' });
    expect(run('--language', 'c', '--shape', 'shapes.mjs#quote')).toEqual({
      status: 0,
      stdout: header,
      stderr: '',
    });
    const args = ['--language', 'c', '--shape', './shapes.mjs#quote', '--out', 'quote.h'];
    expect(run(...args)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(folder, 'quote.h'), 'utf8')).toBe(header);
  });

  test.each(['channel', 'options'])('takes the shape of a %s', (name) => {
    const { stdout } = run('--language', 'rust', '--shape', `shapes.mjs#${name}`, '--name', 'quote');
    expect(stdout).toBe(generate(quote, { language: 'rust', name: 'quote' }));
  });

  test('takes the shape and the layout of a codec, unless it is told another', () => {
    const args = ['--language', 'python', '--shape', 'shapes.mjs#codec', '--name', 'quote'];
    const options = { language: 'python', name: 'quote' } as const;
    expect(run(...args).stdout).toBe(generate(quote, { ...options, layout: 'array' }));
    expect(run(...args, '--layout', 'map').stdout).toBe(generate(quote, options));
  });

  test('checks whether a file is what it would write', () => {
    const args = ['--language', 'c', '--shape', 'shapes.mjs#quote', '--out', 'checked.h'];
    expect(run(...args, '--check').status).toBe(1);
    expect(run(...args).status).toBe(0);
    expect(run(...args, '--check')).toEqual({ status: 0, stdout: '', stderr: '' });
    writeFileSync(join(folder, 'checked.h'), 'changed');
    expect(run(...args, '--check')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'mmfbus-generate: checked.h is not what shapes.mjs#quote gives now; generate it again\n',
    });
    expect(readFileSync(join(folder, 'checked.h'), 'utf8')).toBe('changed');
  });

  test.each(['c', 'typescript'] as const)('writes stubs of a service in %s, and checks them', (language) => {
    const stubs = generateService(contract, { language, name: 'desk' });
    const args = ['--language', language, '--service', 'shapes.mjs#desk'];
    expect(run(...args)).toEqual({ status: 0, stdout: stubs, stderr: '' });
    expect(run('--language', language, '--service', 'shapes.mjs#contract', '--name', 'desk').stdout).toBe(
      stubs,
    );
    const out = ['--out', `stubs.${language}`];
    expect(run(...args, ...out, '--check')).toEqual({
      status: 1,
      stdout: '',
      stderr: `mmfbus-generate: stubs.${language} is not what shapes.mjs#desk gives now; generate it again\n`,
    });
    expect(run(...args, ...out)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(folder, `stubs.${language}`), 'utf8')).toBe(stubs);
    expect(run(...args, ...out, '--check').status).toBe(0);
  });

  test('tells how it is used', () => {
    const { status, stdout } = run('--help');
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('--language <name>') });
  });

  test.each([
    [2, ['--shape', 'shapes.mjs#quote'], '--language is missing; see --help'],
    [2, ['--language', 'c'], '--shape or --service is missing; see --help'],
    [
      2,
      ['--language', 'c', '--shape', 'shapes.mjs#quote', '--service', 'shapes.mjs#desk'],
      '--shape and --service exclude one another; see --help',
    ],
    [
      2,
      ['--language', 'c', '--service', 'shapes.mjs#desk', '--layout', 'map'],
      '--layout is of shapes: services have no other than map',
    ],
    [
      2,
      ['--language', 'c', '--service', 'shapes.mjs'],
      '--service names a module and an export, as ./dist/calc.js#calc, not shapes.mjs',
    ],
    [
      1,
      ['--language', 'c', '--service', 'shapes.mjs#quote'],
      'quote of shapes.mjs is no service of @mmfbus/service',
    ],
    [
      1,
      ['--language', 'c', '--shape', 'shapes.mjs#desk'],
      'desk of shapes.mjs is no shape of @mmfbus/codec, and no channel that has one, but a service: name it with --service',
    ],
    [
      2,
      ['--language', 'go', '--shape', 'shapes.mjs#quote'],
      '--language is c, rust, python, typescript, not go',
    ],
    [2, ['--language', 'c', '--shape', 'shapes.mjs'], '--shape names a module and an export'],
    [
      2,
      ['--language', 'c', '--shape', 'shapes.mjs#quote', '--layout', 'x'],
      '--layout is map or array, not x',
    ],
    [2, ['--language', 'c', '--shape', 'shapes.mjs#quote', '--check'], '--out is missing'],
    [
      2,
      ['--language', 'c', '--shape', 'shapes.mjs#quote', '--name', '9'],
      'begins with a letter, unlike "9"',
    ],
    [2, ['--loud'], "Unknown option '--loud'"],
    [1, ['--language', 'c', '--shape', 'nowhere.mjs#quote'], 'nowhere.mjs cannot be imported: '],
    [1, ['--language', 'c', '--shape', 'broken.mjs#quote'], 'broken.mjs cannot be imported: out of order'],
    [1, ['--language', 'c', '--shape', 'shapes.mjs#qoute'], 'shapes.mjs has no export qoute; it exports '],
    [1, ['--language', 'c', '--shape', 'shapes.mjs#text'], 'text of shapes.mjs is no shape of @mmfbus/codec'],
    [1, ['--language', 'c', '--shape', 'shapes.mjs#anything'], 'anything of shapes.mjs is no shape'],
    [
      1,
      ['--language', 'c', '--shape', 'shapes.mjs#unusable', '--layout', 'array'],
      'the shape cannot be used: "a" is optional and nullable',
    ],
    [
      1,
      ['--language', 'c', '--shape', 'shapes.mjs#quote', '--out', 'no/quote.h'],
      'no/quote.h cannot be written',
    ],
  ])('ends with %i for %j', (status, args, message) => {
    const outcome = run(...args);
    expect(outcome).toEqual({ status, stdout: '', stderr: expect.stringContaining(message) });
    expect(outcome.stderr.startsWith('mmfbus-generate: ')).toBe(true);
    expect(outcome.stderr.trimEnd()).not.toContain('\n');
  });
});

test('the function refuses what it cannot use', () => {
  const failure = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (error instanceof GenerateError) return error.code;
    }
    return undefined;
  };
  expect(failure(() => generate(quote, { language: 'go' as 'c', name: 'quote' }))).toBe('USAGE');
  expect(failure(() => generate(quote, { language: 'c', name: 'a b' }))).toBe('USAGE');
  expect(failure(() => generateService(contract, { language: 'go' as 'c', name: 'desk' }))).toBe('USAGE');
});

test.each([
  ['c', 'reading', 'reading.h'],
  ['c', 'command', 'command.h'],
  ['c', 'answer', 'answer.h'],
  ['rust', 'reading', 'reading.rs'],
  ['python', 'reading', 'reading.py'],
  ['python', 'command', 'command.py'],
  ['python', 'answer', 'answer.py'],
])('the %s of %s in the examples is what is generated now', (language, name, file) => {
  const place = `${join(workspaceRoot, 'examples', 'native', 'dist', 'shapes.js')}#${name}`;
  const out = join(workspaceRoot, 'examples', 'native', file);
  expect(run('--language', language, '--shape', place, '--out', out, '--check')).toEqual({
    status: 0,
    stdout: '',
    stderr: '',
  });
});
