import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fencesOf } from '../docs/code-blocks.js';
import { type Program, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf, type ToolName } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';

/** The folder of all examples. */
export const shelf: string = join(workspaceRoot, 'examples');

/** Packages are installed, programs compiled and processes started. */
const WATCHDOG = 110_000;

/** What an example runs besides Node, by what its commands call it. */
const tools: Readonly<Record<string, ToolName>> = {
  bun: 'Bun',
  deno: 'Deno',
  cc: 'a C compiler',
  'c++': 'a C++ compiler',
  rustc: 'a Rust compiler',
  python3: 'Python',
};

/** Examples that take seconds to compile: the proofs run them. */
export const COMPILED: readonly string[] = ['c', 'calls-c', 'cpp', 'rust'];

/** A folder of the shelf. */
export interface Example {
  /** Its name. */
  readonly name: string;
  /** Its path. */
  readonly folder: string;
  /** The text of its README. */
  readonly readme: string;
  /** The commands of the README. */
  readonly commands: string;
  /** What they print, with `...` for anything. */
  readonly output: string;
}

function readExample(name: string): Example {
  const folder = join(shelf, name);
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const [commands, output] = ['sh', 'text'].map(
    (language) => fencesOf(readme).find(({ info }) => info[0] === language)?.body ?? '',
  );
  return { name, folder, readme, commands: commands ?? '', output: output ?? '' };
}

/** The examples, by the names of their folders. */
export const examples: ReadonlyMap<string, Example> = new Map(
  readdirSync(shelf, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [name, readExample(name)]),
);

/** @throws when the shelf has no such folder. */
export function exampleOf(name: string): Example {
  const example = examples.get(name);
  if (example === undefined) throw new Error(`there is no example ${name}`);
  return example;
}

/** Options of running an example. */
export interface RunOptions {
  /** Where its commands run. Defaults to its own folder. */
  readonly folder?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Prepares running the commands of examples. To be called outside tests, once.
 *
 * @returns what runs the commands of an example as they stand, as a shell does. A test that calls it is skipped where a tool that
 * they need is missing.
 */
export function exampleRunner(): (example: Example, options?: RunOptions) => Program {
  const programs = temporaryFolder('shelf-programs');

  /** Has the commands find the same program under that name as the tests do. */
  function provide(word: string, file: string): void {
    if (word === file) return;
    writeFileSync(join(programs, word), `#!/bin/sh\nexec '${file}' "$@"\n`, { mode: 0o755 });
  }

  return ({ folder, commands }, options = {}) => {
    provide('node', process.execPath);
    for (const word of new Set(commands.split(/\s+/))) {
      const tool = tools[word];
      if (tool !== undefined) provide(word, commandOf(tool));
    }
    return startNode(commands, {
      runtime: ['sh', '-e', '-c'],
      cwd: options.folder ?? folder,
      env: {
        PATH: `${programs}${delimiter}${process.env['PATH']}`,
        DENO_DIR: join(workspaceRoot, 'test', '.cache', 'deno'),
        DENO_NO_UPDATE_CHECK: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        ...options.env,
      },
      isGroup: true,
      watchdog: WATCHDOG,
    });
  };
}
