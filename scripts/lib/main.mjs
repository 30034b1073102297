import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { testWindows } from '../windows/test-windows.mjs';
import { build } from './build.mjs';
import { runNode } from './child.mjs';
import { heading } from './report.mjs';
import { setup } from './setup.mjs';
import { test, testProofs } from './test.mjs';
import { root } from './workspace.mjs';

/**
 * @typedef {{ about: string, steps: ((args: readonly string[]) => Promise<number>)[] }} Command
 */

/**
 * A program of ours that was compiled.
 *
 * @param {string} step
 * @param {string} script relative to the root of the repository.
 */
function program(step, script) {
  return async (/** @type {readonly string[]} */ args) => {
    if (!existsSync(join(root, script))) {
      console.error(
        `${script} is not there: it was not compiled from ${script.replace('/dist/', '/src/').replace(/\.js$/, '.ts')}.`,
      );
      return 1;
    }
    heading(step, ['node', script, ...args].join(' '));
    return runNode(script, args);
  };
}

/**
 * A tool that was installed.
 *
 * @param {string} step
 * @param {string} what
 * @param {string} script relative to the root of the repository.
 * @param {readonly string[]} fixedArgs
 * @returns {(args: readonly string[]) => Promise<number>}
 */
function tool(step, what, script, fixedArgs) {
  return (args) => {
    heading(step, [what, ...args].join(' '));
    return runNode(script, [...fixedArgs, ...args]);
  };
}

/** @type {Record<string, Command>} */
const commands = {
  setup: { about: 'install the dependencies', steps: [setup] },
  build: { about: 'compile and type-check', steps: [setup, build] },
  test: { about: 'all checks but the proofs; arguments go to vitest: test ring', steps: [setup, test] },
  'test:proofs': {
    about: 'the tests that take minutes; arguments go to vitest',
    steps: [setup, testProofs],
  },
  demo: {
    about: 'run the demonstration; arguments go to it',
    steps: [setup, build, program('demo', 'examples/dist/flights/demo.js')],
  },
  'test:windows': {
    about: 'the tests as Windows programs, by Wine; arguments go to vitest',
    steps: [setup, build, testWindows],
  },
  docs: {
    about: 'write the API reference to docs/api',
    steps: [
      setup,
      build,
      tool('docs', 'typedoc', 'node_modules/typedoc/bin/typedoc', ['--options', 'typedoc.json']),
    ],
  },
  format: {
    about: 'format the sources and repair what the linter can',
    steps: [
      setup,
      tool('format', 'biome check --write', 'node_modules/@biomejs/biome/bin/biome', ['check', '--write']),
    ],
  },
  conformance: {
    about: 'every language against every other; arguments choose languages',
    steps: [setup, build, program('conformance', 'test/dist/conformance/matrix.js')],
  },
  idle: {
    about: 'measure what an idle process costs',
    steps: [setup, build, program('idle', 'test/dist/idle/idle-cost.js')],
  },
  bench: {
    about: 'measure mmfbus and what people would use instead',
    steps: [setup, build, program('bench', 'test/bench/dist/main.js')],
  },
  'bench:charts': {
    about: 'draw the charts, and write the table of goals, from docs/bench/results.json',
    steps: [setup, build, program('bench:charts', 'test/bench/dist/charts/main.js')],
  },
  'bench:codec': {
    about: 'measure encoding and decoding, ours and that of others',
    steps: [setup, build, program('bench:codec', 'test/dist/bench/codec/codec-bench.js')],
  },
  'bench:object': {
    about: 'measure what a typed object costs from process to process',
    steps: [setup, build, program('bench:object', 'test/dist/bench/object-cost.js')],
  },
  'bench:native': {
    about: 'measure channels between C and C, and C and Node, beside a bare ring',
    steps: [setup, build, program('bench:native', 'test/dist/bench/native/native-bench.js')],
  },
  soak: {
    about: 'kill processes for minutes on end, and account for every message',
    steps: [setup, build, program('soak', 'test/dist/soak/main.js')],
  },
};

function help() {
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(14)}${about}`);
  return `Usage: node scripts/run.mjs <command> [arguments]\n\n${lines.join('\n')}\n\nEach works on a fresh clone: it installs and builds what it needs first.`;
}

/**
 * Runs one command, step by step, up to the first that fails.
 *
 * @param {readonly string[]} argv what follows the script's name.
 * @returns {Promise<number>} the exit status.
 */
export async function main(argv) {
  const [name = '--help', ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    console.log(help());
    return argv.length === 0 ? 1 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    console.error(`There is no command ${JSON.stringify(name)}.\n\n${help()}`);
    return 1;
  }
  const args = rest[0] === '--' ? rest.slice(1) : rest;
  for (const step of command.steps) {
    let status;
    try {
      status = await step(args);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      status = 1;
    }
    if (status !== 0) return status;
  }
  return 0;
}
