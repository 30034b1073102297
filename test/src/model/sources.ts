import { createRequire } from 'node:module';
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';
import { findExport, parsedSources } from '../support/parsed-sources.js';
import { packageFolder } from '../support/workspace.js';
import { applyChanges, type Change } from './changes.js';

/** Names that the sources find in place of the global ones, and modules in place of those they import. */
export interface Surroundings {
  readonly globals: Readonly<Record<string, unknown>>;
  readonly modules: Readonly<Record<string, unknown>>;
}

interface Module {
  readonly exports: Record<string, unknown>;
}

const channelSources = parsedSources('channel');
const fromChannel = createRequire(`${packageFolder('channel')}/package.json`);
/** Private fields become ordinary ones, so that what an object knows can be compared. */
const PRIVATE_NAME = /#(?=[A-Za-z])(\w+)/g;
/** Calls whose promises are not waited for; an uncaught error there ends the process. */
const UNAWAITED = /\bvoid ((?:this\.)?\w+\((?:[^()]|\([^()]*\))*\))/g;
/** Global function that such promises are given to. */
export const LEAVE_TO_ITSELF = 'leaveToItself';
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

/**
 * The sources of the channel package, as they are but for the changes, with other surroundings than a process has.
 *
 * @returns gives what is exported by a name, whatever the file.
 */
export function loadChannel(
  { globals, modules }: Surroundings,
  changes: readonly Change[],
): (name: string) => unknown {
  const sources = applyChanges(channelSources, changes);
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
    const body = `'use strict'; {${compile(file, source.text)}\n}\n//# sourceURL=channel/${file}`;
    new Function(...names, body)(
      module.exports,
      (name: string) => {
        if (!name.startsWith('.')) return modules[name] ?? fromChannel(name);
        return load(join(dirname(file), name).replace(/\.js$/, '.ts'));
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
