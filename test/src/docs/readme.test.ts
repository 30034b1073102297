import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { packageNames, workspaceRoot } from '../support/workspace.js';
import { type CodeBlock, codeBlocks, outputPattern } from './code-blocks.js';

interface ReadmeBlock extends CodeBlock {
  /** For example `packages/core/README.md:12`. */
  readonly where: string;
  /** Where its program text lies, ending in `.ts` or `.js`. */
  readonly file: string;
}

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  typeRoots: [join(workspaceRoot, 'node_modules', '@types')],
  strict: true,
  skipLibCheck: true,
  allowJs: true,
  noEmit: true,
};

const readmes = [
  'README.md',
  ...packageNames.map((name) => `packages/${name}/README.md`),
  ...['docs', 'docs/concepts'].flatMap((folder) =>
    readdirSync(join(workspaceRoot, folder))
      .filter((file) => file.endsWith('.md'))
      .map((file) => `${folder}/${file}`),
  ),
];

// Inside this workspace package, so that the blocks find the packages that they import.
const cache = join(workspaceRoot, 'test', '.cache');
mkdirSync(cache, { recursive: true });
const folder = temporaryFolder('readme', cache);

/** Lays the program text of a README down, each at the line that it has there. */
function blocksOf(readme: string): ReadmeBlock[] {
  const path = join(workspaceRoot, readme);
  if (!existsSync(path)) return [];
  return codeBlocks(readFileSync(path, 'utf8')).map((block) => {
    const name = `${readme.replace(/\.md$/, '').replaceAll('/', '-')}-${block.line}`;
    const file = join(folder, `${name}.${block.language}`);
    writeFileSync(file, '\n'.repeat(block.line - 1) + block.code);
    return { ...block, where: `${readme}:${block.line}`, file };
  });
}

function byPlace(some: readonly ReadmeBlock[]): [string, ReadmeBlock][] {
  return some.map((block) => [block.where, block]);
}

const blocks = readmes.flatMap(blocksOf);
const program = ts.createProgram(
  blocks.map(({ file }) => file),
  compilerOptions,
);

function typeErrors(file: string): string[] {
  return ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map((diagnostic) => {
    const { line } = ts.getLineAndCharacterOfPosition(
      program.getSourceFile(file) as ts.SourceFile,
      diagnostic.start ?? 0,
    );
    return `line ${line + 1}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
  });
}

/** The path of what Node can run. */
function runnable({ file, language }: ReadmeBlock): string {
  if (language === 'js') return file;
  const output = file.replace(/\.ts$/, '.js');
  // The folder's package.json, which makes it an ES module, is not looked at here.
  const module = ts.ModuleKind.ESNext;
  const options = { ...compilerOptions, module, noEmit: false, inlineSourceMap: true, inlineSources: true };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions: options,
    fileName: file,
  });
  writeFileSync(output, outputText);
  return output;
}

/** The blocks that run at the same time, each set in the order in which they stand. */
function runsOf(some: readonly ReadmeBlock[]): ReadmeBlock[][] {
  const runs: ReadmeBlock[][] = [];
  for (const block of some) {
    const before = runs.at(-1);
    if (before?.at(-1)?.withNext === true) before.push(block);
    else runs.push([block]);
  }
  return runs;
}

const runs = runsOf(blocks.filter(({ runs }) => runs)).map((run): [string, ReadmeBlock[]] => [
  run.map(({ where }) => where).join(' with '),
  run,
]);

describe('the READMEs', () => {
  test.each(readmes)('%s is there', (readme) => {
    expect(existsSync(join(workspaceRoot, readme))).toBe(true);
  });

  test.each(byPlace(blocks))('%s has right types', (_where, { file }) => {
    expect(typeErrors(file)).toEqual([]);
  });

  test.each(runs)('%s runs', async (_where, run) => {
    const programs = run.map((block) =>
      startNode(runnable(block), { nodeArgs: ['--enable-source-maps'], cwd: folder }),
    );
    const output = (await Promise.all(programs.map((program) => program.success()))).join('');
    const expected = run.at(-1)?.expected;
    if (expected !== undefined) expect(output.trim()).toMatch(outputPattern(expected));
  });
});
