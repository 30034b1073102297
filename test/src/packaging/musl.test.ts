// Nothing assumes glibc: what the platform folder takes from the C library by name is in musl as well.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { commandOf } from '../support/tools.js';
import { packageFolder, sourceFiles } from '../support/workspace.js';

const platform = join(packageFolder('core'), 'src', 'platform');
const sources = sourceFiles('core').filter(
  (file) => file.startsWith(platform) && !file.startsWith(join(platform, 'windows')),
);

/** Symbols of V8 and Node: names of C++, which are looked up in the program itself. */
const OF_THE_ENGINE = /^_ZN(?:K?St|2v8|4node)/;
/** Names that are not written where they are bound: each is one of the engine. */
const ENGINE_NAMES = ['name', 'names.add', 'names.current', 'names.remove'];

/** What a call binds: the name in a C declaration, or the name alone. */
function nameIn(text: string): string {
  return /^[\w*\s]*?(\w+)\s*\(/.exec(text)?.[1] ?? text;
}

interface Bound {
  /** Names in the C library, and where each is bound. */
  readonly functions: Map<string, string>;
  /** Names that are no literals. */
  readonly others: Set<string>;
  /** First arguments of `koffi().load`. */
  readonly libraries: Set<string>;
}

/** What the files bind by koffi. */
function findBound(files: readonly string[]): Bound {
  const bound: Bound = { functions: new Map(), others: new Set(), libraries: new Set() };
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) add(node, relative(platform, file), bound);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return bound;
}

function add({ expression, arguments: [first] }: ts.CallExpression, file: string, bound: Bound): void {
  if (first === undefined) return;
  const called = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
  if (called === 'load') bound.libraries.add(first.getText());
  if (!/^(?:func|symbol)$/.test(called)) return;
  if (!ts.isStringLiteral(first)) bound.others.add(first.getText());
  else if (!OF_THE_ENGINE.test(first.text)) bound.functions.set(nameIn(first.text), file);
}

/** The names that the shared library of musl gives to programs. */
function muslSymbols(): Set<string> {
  commandOf('musl');
  // It is the dynamic linker at the same time.
  const library = readdirSync('/lib').find((name) => name.startsWith('ld-musl-')) ?? '';
  const { stdout } = spawnSync('nm', ['-D', '--defined-only', join('/lib', library)], { encoding: 'utf8' });
  return new Set(stdout.split('\n').map((line) => line.split(' ').at(-1) ?? ''));
}

describe('what core takes from the C library', () => {
  const { functions, others, libraries } = findBound(sources);

  it('is found in the sources', () => {
    expect([...functions.keys()]).toEqual(
      expect.arrayContaining(['mmap', 'munmap', 'flock', 'posix_fallocate', 'pthread_key_create', 'close']),
    );
    expect([...others].sort()).toEqual(ENGINE_NAMES);
  });

  it('is looked up in the process itself, whatever its C library is called', () => {
    expect([...libraries]).toEqual(['null']);
  });

  it.runIf(process.platform === 'linux')('is in musl', () => {
    const symbols = muslSymbols();
    // Of glibc alone.
    expect([symbols.has('printf'), symbols.has('gnu_get_libc_version')]).toEqual([true, false]);
    expect([...functions].filter(([name]) => !symbols.has(name))).toEqual([]);
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'is called by a koffi that has a binary for musl',
    () => {
      const koffi = realpathSync(join(packageFolder('core'), 'node_modules', 'koffi'));
      const binaries = dirname(createRequire(join(koffi, 'index.js')).resolve('@koromix/koffi-linux-x64'));
      expect(existsSync(join(binaries, 'musl_x64', 'koffi.node'))).toBe(true);
    },
  );
});
