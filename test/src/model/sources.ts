import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';
import { packageFolder, sourceFiles } from '../support/workspace.js';

/** One replacement in a source of the channel package. */
export interface Edit {
  /** The file, from `packages/channel/src`. */
  readonly file: string;
  /** What must stand there exactly once. */
  readonly from: string;
  readonly to: string;
}

/** Names that the sources find in place of the global ones, and modules in place of those they import. */
export interface Surroundings {
  readonly globals: Readonly<Record<string, unknown>>;
  readonly modules: Readonly<Record<string, unknown>>;
}

interface Module {
  readonly exports: Record<string, unknown>;
}

const folder = join(packageFolder('channel'), 'src');
const fromChannel = createRequire(join(packageFolder('channel'), 'package.json'));
/** Private fields become ordinary ones, so that what an object knows can be compared. */
const PRIVATE_NAME = /#(?=[A-Za-z])(\w+)/g;
/** Calls whose promises nobody waits for; what happens there ends the process where nobody catches it. */
const UNAWAITED = /\bvoid (this\.\w+\((?:[^()]|\([^()]*\))*\))/g;
/** Global function that such promises are given to. */
export const LEAVE_TO_ITSELF = 'leaveToItself';
const compiled = new Map<string, string>();

function compile(text: string): string {
  let javascript = compiled.get(text);
  if (javascript === undefined) {
    javascript = ts
      .transpileModule(text, {
        compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.CommonJS },
      })
      .outputText.replace(PRIVATE_NAME, '__$1')
      .replace(UNAWAITED, `${LEAVE_TO_ITSELF}($1)`);
    compiled.set(text, javascript);
  }
  return javascript;
}

function applyEdits(file: string, text: string, edits: readonly Edit[]): string {
  return edits
    .filter((edit) => edit.file === file)
    .reduce((before, { from, to }) => {
      const parts = before.split(from);
      if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${from}`);
      return parts.join(to);
    }, text);
}

/**
 * The sources of the channel package, as they are but for the edits, with other surroundings than a process has.
 *
 * @returns gives the exports of a file, from `packages/channel/src`.
 */
export function loadChannel(
  { globals, modules }: Surroundings,
  edits: readonly Edit[],
): (file: string) => Record<string, unknown> {
  const files = new Set(sourceFiles('channel').map((path) => relative(folder, path).split(sep).join('/')));
  const unknown = edits.find(({ file }) => !files.has(file));
  if (unknown !== undefined) throw new Error(`there is no ${unknown.file} to edit`);
  for (const { file } of edits) applyEdits(file, readFileSync(join(folder, file), 'utf8'), edits);
  const loaded = new Map<string, Module>();

  const load = (file: string): Record<string, unknown> => {
    const known = loaded.get(file);
    if (known !== undefined) return known.exports;
    const module: Module = { exports: {} };
    loaded.set(file, module);
    const text = applyEdits(file, readFileSync(join(folder, file), 'utf8'), edits);
    const names = ['exports', 'require', ...Object.keys(globals)];
    // A block, so that a source may declare a global name anew. The sourceURL is what stack traces show.
    const body = `'use strict'; {${compile(text)}\n}\n//# sourceURL=channel/${file}`;
    new Function(...names, body)(
      module.exports,
      (name: string) => {
        if (!name.startsWith('.')) return modules[name] ?? fromChannel(name);
        return load(join(dirname(file), name).split(sep).join('/').replace(/\.js$/, '.ts'));
      },
      ...Object.values(globals),
    );
    return module.exports;
  };
  return load;
}
