import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compile, compileForWindows, compileWithMusl } from '../compat/native.js';
import { compileRust } from '../support/rust.js';
import { commandOf, MissingTool } from '../support/tools.js';
import { joinedProgram, workspaceRoot } from '../support/workspace.js';

/** A language that has an agent. */
export interface Language {
  /** What it is called. */
  readonly name: string;
  /** The agent's program and its arguments. */
  readonly command: readonly string[];
  /** Added to its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Which memory it shares: only agents of one world meet. */
  readonly world: 'native' | 'wine';
}

const nodeAgent = joinedProgram('conformance/node-agent');
const pythonAgent = join(workspaceRoot, 'test', 'native', 'conformance_agent.py');
const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
const source = join(workspaceRoot, 'test', 'native', 'conformance_agent.c');
const rustSource = join(workspaceRoot, 'test', 'native', 'conformance_agent.rs');
const winePrefix = join(workspaceRoot, '.cache', 'windows', 'prefix');
/** How Wine says where `Z:` leads: it shows all of the file system there. */
const wineEnvironment = { WINEPREFIX: winePrefix, WINEDEBUG: '-all', DISPLAY: '' };

/** Flags of a build that ends at the first mistake with memory, or with what C leaves undefined. */
export const SANITIZERS: readonly string[] = [
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
];

function nativeAgent(name: string, flags: readonly string[], compileIt: typeof compile = compile): Language {
  const program = compileIt('conformance-agent', [source], [include, '-pthread', ...flags]);
  return { name, command: [program], env: {}, world: 'native' };
}

/** The languages by name, each built only when it is asked for. */
const builders: Readonly<Record<string, () => Language>> = {
  node: () => ({ name: 'node', command: [process.execPath, nodeAgent], env: {}, world: 'native' }),
  c: () => nativeAgent('c', []),
  python: () => ({ name: 'python', command: [commandOf('Python'), pythonAgent], env: {}, world: 'native' }),
  rust: () => {
    const program = compileRust('conformance-agent', rustSource, ['--cfg', 'mmfbus_steps']);
    return { name: 'rust', command: [program], env: {}, world: 'native' };
  },
  'c-sanitized': () => nativeAgent('c-sanitized', SANITIZERS),
  'c-musl': () => nativeAgent('c-musl', [], compileWithMusl),
  'c-wine': () => {
    const hasWine = existsSync(winePrefix) && spawnSync('wine', ['--version']).status === 0;
    if (!hasWine) throw new MissingTool('Wine is missing: npm run test:windows installs it');
    const program = compileForWindows('conformance-agent', [source], [include]);
    return { name: 'c-wine', command: ['wine', program], env: wineEnvironment, world: 'wine' };
  },
};

/** All languages, in the order of the matrix. */
export const languageNames: readonly string[] = Object.keys(builders);

/**
 * Builds the agent of a language.
 *
 * @throws when there is no language of that name, it cannot be built, or a tool for it is missing.
 */
export function languageOf(name: string): Language {
  const builder = builders[name];
  if (builder === undefined)
    throw new Error(`There is no agent for ${name}, only for ${languageNames.join(', ')}`);
  return builder();
}
