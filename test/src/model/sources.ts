import { createRequire } from 'node:module';
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';
import { findExport, parsedSources, type Sources } from '../support/parsed-sources.js';
import { type PackageName, packageFolder } from '../support/workspace.js';
import { applyChanges, type Change } from './changes.js';

/** Names that the sources find in place of the global ones, and modules in place of those they import. */
export interface Surroundings {
  readonly globals: Readonly<Record<string, unknown>>;
  readonly modules: Readonly<Record<string, unknown>>;
}

interface Module {
  readonly exports: Record<string, unknown>;
}

/** Private fields become ordinary ones, so that what an object knows can be compared. */
const PRIVATE_NAME = /#(?=[A-Za-z])(\w+)/g;
/** Calls whose promises are not waited for; an uncaught error there ends the process. */
const UNAWAITED = /\bvoid ((?:\w+\.)*\w+\((?:[^()]|\([^()]*\))*\))/g;
/** Global function that such promises are given to. */
export const LEAVE_TO_ITSELF = 'leaveToItself';
/** What the paths of sources begin with in stack traces. */
export const SOURCE_URL = 'model:';
const compiled = new Map<string, string>();

/** Makes JavaScript of a source; throws when that is not well-formed. */
export function transpile(fileName: string, text: string): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.CommonJS },
  });
  for (const { messageText, start } of diagnostics) {
    throw new Error(`${fileName}: ${messageText} ${text.slice(start).split('\n', 1)}`);
  }
  return outputText;
}

function compile(fileName: string, text: string): string {
  let javascript = compiled.get(text);
  if (javascript === undefined) {
    javascript = transpile(fileName, text)
      .replace(PRIVATE_NAME, '__$1')
      .replace(UNAWAITED, `${LEAVE_TO_ITSELF}($1)`);
    compiled.set(text, javascript);
  }
  return javascript;
}

const parsed = new Map<PackageName, Sources>();

/** The sources of a package, parsed once. */
function sourcesOf(name: PackageName): Sources {
  let sources = parsed.get(name);
  if (sources === undefined) {
    sources = parsedSources(name);
    parsed.set(name, sources);
  }
  return sources;
}

/**
 * The sources of a package, as they are but for the changes, with other surroundings than a process has.
 *
 * @returns gives what is exported by a name, whatever the file.
 */
export function loadSources(
  name: PackageName,
  { globals, modules }: Surroundings,
  changes: readonly Change[],
): (name: string) => unknown {
  const sources = applyChanges(sourcesOf(name), changes);
  const fromPackage = createRequire(`${packageFolder(name)}/package.json`);
  const loaded = new Map<string, Module>();

  const load = (file: string): Record<string, unknown> => {
    const known = loaded.get(file);
    if (known !== undefined) return known.exports;
    const module: Module = { exports: {} };
    loaded.set(file, module);
    const source = sources.get(file);
    if (source === undefined) throw new Error(`there is no ${file}`);
    const names = ['exports', 'require', ...Object.keys(globals)];
    // A block, so that a source may declare a global name anew. The sourceURL is what stack traces show.
    const body = `'use strict'; {${compile(file, source.text)}\n}\n//# sourceURL=${SOURCE_URL}${name}/${file}`;
    new Function(...names, body)(
      module.exports,
      (wanted: string) => {
        if (!wanted.startsWith('.')) return modules[wanted] ?? fromPackage(wanted);
        return load(join(dirname(file), wanted).replace(/\.js$/, '.ts'));
      },
      ...Object.values(globals),
    );
    return module.exports;
  };
  // Asked for the same few names at every execution.
  const exported = new Map<string, unknown>();
  return (name) => {
    if (!exported.has(name)) exported.set(name, load(findExport(sources, name).file)[name]);
    return exported.get(name);
  };
}
