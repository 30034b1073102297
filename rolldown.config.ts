import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';
import channel from './packages/channel/package.json' with { type: 'json' };
import codec from './packages/codec/package.json' with { type: 'json' };
import core from './packages/core/package.json' with { type: 'json' };
import mmfbus from './packages/mmfbus/package.json' with { type: 'json' };
import nats from './packages/nats/package.json' with { type: 'json' };
import service from './packages/service/package.json' with { type: 'json' };

/** Programs that tests start hundreds of times, by their paths in `test/src`. */
const PROGRAMS = [
  'compat/node-peer',
  'conformance/node-agent',
  'conformance/calls/node-agent',
  'kill-matrix/actor',
  'kill-matrix/calls/actor',
  'killed/mortal',
  'soak/agent',
  'soak/calls/agent',
  'soak/nats/agent',
  'soak/auditor',
  'soak/role-thread',
];

/** Leaves a file alone that has its content already: processes of another run may be importing it. */
const unchangedFilesStay: Plugin = {
  name: 'unchanged-files-stay',
  generateBundle({ dir, file }, bundle) {
    const folder = dir ?? dirname(file ?? '');
    for (const [name, output] of Object.entries(bundle)) {
      const path = join(folder, name);
      const content = output.type === 'asset' ? output.source : output.code;
      if (existsSync(path) && readFileSync(path, 'utf8') === content) delete bundle[name];
    }
  },
};

/**
 * Escapes what is not ASCII: V8 keeps a source with one character beyond Latin-1 at two bytes for each character. Such characters
 * stand only in strings, templates, regular expressions and comments, where an escape does no harm.
 */
const asciiOnly: Plugin = {
  name: 'ascii-only',
  transform: (code) => ({
    code: code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    // Lines stay where they are.
    map: null,
  }),
};

/** Adds the licences of packages that become part of one of ours, as they ask for. */
function withLicences(folder: string, bundled: readonly string[]): Plugin {
  return {
    name: 'with-licences',
    generateBundle() {
      for (const name of bundled) {
        const source = readFileSync(`packages/${folder}/node_modules/${name}/LICENSE`, 'utf8');
        this.emitFile({ type: 'asset', fileName: `${name}.LICENSE.txt`, source });
      }
    },
  };
}

/**
 * A package in one file for each of its exports, and one for what several of them use: a process that imports it starts twice as
 * fast as with a file for each source. The declarations beside them are the compiler's.
 *
 * @param bundled packages that become part of it.
 */
function packageOf(
  folder: string,
  exports: Record<string, { readonly default: string }>,
  bundled: readonly string[] = [],
): RolldownOptions {
  const names = Object.values(exports).map((paths) => paths.default.replace(/^\.\/dist\/(.+)\.js$/, '$1'));
  return {
    input: Object.fromEntries(names.map((name) => [name, `packages/${folder}/src/${name}.ts`])),
    platform: 'node',
    plugins: [asciiOnly, withLicences(folder, bundled), unchangedFilesStay],
    external: (id) => !id.startsWith('.') && !isAbsolute(id) && !bundled.includes(id),
    output: {
      dir: `packages/${folder}/dist`,
      chunkFileNames: '[name].js',
      codeSplitting: {
        groups: [
          // What a program that only defines a service loads: the rest comes when it serves or calls.
          {
            name: 'contract',
            test: /service\/src\/(?:contract\/|foundation\/errors)/,
            minShareCount: 2,
            priority: 1,
          },
          { name: 'shared', minShareCount: 2 },
        ],
      },
      comments: false,
      sourcemap: true,
      // The packages hold them.
      sourcemapExcludeSources: true,
    },
  };
}

/** The command `mmfbus`: a file for each of its words, so that a process loads what it runs. The library loads none of them. */
function commandOf(folder: string, bundled: readonly string[]): RolldownOptions {
  return {
    input: {
      main: `packages/${folder}/src/command/main.ts`,
      // The second process of `mmfbus bench`.
      'bench-peer': `packages/${folder}/src/command/bench/peer.ts`,
    },
    platform: 'node',
    plugins: [asciiOnly, unchangedFilesStay],
    external: (id) => !id.startsWith('.') && !isAbsolute(id) && !bundled.includes(id),
    output: {
      dir: `packages/${folder}/dist/command`,
      chunkFileNames: '[name].js',
      comments: false,
      sourcemap: true,
      sourcemapExcludeSources: true,
    },
  };
}

/** A program in one file with all that it imports. `joinedProgram()` of `test/src/support/workspace.ts` names it. */
function programOf(name: string): RolldownOptions {
  return {
    input: `test/dist/${name}.js`,
    platform: 'node',
    plugins: [unchangedFilesStay],
    // It finds its native part beside itself.
    external: 'koffi',
    output: { file: `test/.cache/programs/${name}.js`, codeSplitting: false },
  };
}

// In this order: the programs hold what was made of the packages.
export default defineConfig([
  packageOf('core', core.exports),
  packageOf('codec', codec.exports),
  packageOf('channel', channel.exports, ['eventemitter3']),
  packageOf('service', service.exports),
  packageOf('nats', nats.exports),
  packageOf('mmfbus', mmfbus.exports),
  commandOf('mmfbus', ['@mmfbus/terminal', '@mmfbus/generate']),
  ...PROGRAMS.map(programOf),
]);
