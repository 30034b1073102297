import { join } from 'node:path';
import { compile, compileWithMusl } from '../../compat/native.js';
import { compileRust } from '../../support/rust.js';
import { commandOf } from '../../support/tools.js';
import { joinedProgram, workspaceRoot } from '../../support/workspace.js';
import { type Language, SANITIZERS } from '../agents.js';

const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
const source = join(workspaceRoot, 'test', 'native', 'calls_agent.c');
const rustSource = join(workspaceRoot, 'test', 'native', 'calls_agent.rs');
const nodeAgent = joinedProgram('conformance/calls/node-agent');
const pythonAgent = join(workspaceRoot, 'test', 'native', 'calls_agent.py');

function nativeAgent(name: string, flags: readonly string[], compileIt: typeof compile = compile): Language {
  const program = compileIt('calls-agent', [source], [include, '-pthread', ...flags]);
  return { name, command: [program], env: {}, world: 'native' };
}

/** The languages that have an agent for calls, each built only when it is asked for. */
const builders: Readonly<Record<string, () => Language>> = {
  node: () => ({ name: 'node', command: [process.execPath, nodeAgent], env: {}, world: 'native' }),
  c: () => nativeAgent('c', []),
  python: () => ({
    name: 'python',
    command: [commandOf('msgpack for Python'), pythonAgent],
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    world: 'native',
  }),
  rust: () => {
    const program = compileRust('calls-agent', rustSource, ['--cfg', 'mmfbus_steps']);
    return { name: 'rust', command: [program], env: {}, world: 'native' };
  },
  'c-sanitized': () => nativeAgent('c-sanitized', SANITIZERS),
  'c-musl': () => nativeAgent('c-musl', [], compileWithMusl),
};

/** All languages, in the order of the matrix. */
export const callingLanguageNames: readonly string[] = Object.keys(builders);

/**
 * Builds the agent of a language.
 *
 * @throws when no language has that name, the agent cannot be built, or a tool for it is missing.
 */
export function callingLanguageOf(name: string): Language {
  const builder = builders[name];
  if (builder === undefined) throw new Error(`There is no agent for calls in ${name}`);
  return builder();
}
