import { join } from 'node:path';
import { type Program, startProgram } from '../support/spawn.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';

/** A runtime other than Node. */
export type RuntimeName = 'Bun' | 'Deno';

/** Takes the packages from the workspace as they are, and loads nothing. */
const DENO_ARGS = ['run', '--allow-all', '--node-modules-dir=manual', '--no-lock', '--no-remote', '--quiet'];
const DENO_ENV = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(workspaceRoot, 'test', '.cache', 'deno') };

/** How to run a program on that runtime. A test that calls this is skipped where the runtime is missing. */
export function runOn(name: RuntimeName): { runtime: string[]; env: Record<string, string> } {
  const command = commandOf(name);
  return name === 'Bun'
    ? { runtime: [command], env: {} }
    : { runtime: [command, ...DENO_ARGS], env: DENO_ENV };
}

/**
 * Starts `participant.ts`.
 *
 * @param name the runtime.
 * @param args what it does, the channel, and how many messages.
 */
export function startOn(name: RuntimeName | 'Node', ...args: readonly string[]): Program {
  return startProgram('participant', { args, ...(name === 'Node' ? {} : runOn(name)) });
}
