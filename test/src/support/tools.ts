import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The Python that tests run: Debian's, for which python3-msgpack is. Another one by the environment variable MMFBUS_TEST_PYTHON. */
const PYTHON = process.env['MMFBUS_TEST_PYTHON'] ?? '/usr/bin/python3';

/** The path of a program in a package that only some machines install; its own name, for the search path, elsewhere. */
function programIn(packageName: string, path: string, name: string): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    return join(dirname(manifest), path);
  } catch {
    return name;
  }
}

/** A program of others that some tests run. */
export type ToolName =
  | 'a C compiler'
  | 'a C++ compiler'
  | 'a Rust compiler'
  | 'musl'
  | 'Python'
  | 'msgpack for Python'
  | 'pkg-config'
  | 'CMake'
  | 'git'
  | 'strace'
  | 'mount namespaces'
  | 'network namespaces'
  | 'script'
  | 'Chromium'
  | 'NATS'
  | 'OpenSSL'
  | 'tmux'
  | 'Bun'
  | 'Deno'
  | 'Node 20'
  | 'Node 22'
  | 'Node 24'
  | 'Node 26';

interface Tool {
  /** The command of it. */
  readonly file: string;
  /** Arguments with which the command ends well where the tool can be used. */
  readonly probe: readonly string[];
  /** How to get the tool. */
  readonly remedy: string;
}

const VERSION = ['--version'];

/** A release line of Node, in the version of the catalog. */
function nodeOf(line: number): Tool {
  const variable = `MMFBUS_TEST_NODE_${line}`;
  return {
    file: process.env[variable] ?? programIn(`node-${line}`, 'bin/node', `node-${line}`),
    probe: VERSION,
    remedy: `name a Node ${line} in the environment variable ${variable}`,
  };
}

const tools: Readonly<Record<ToolName, Tool>> = {
  'a C compiler': {
    file: process.env['CC'] ?? 'gcc',
    probe: VERSION,
    remedy: 'install gcc, or name another compiler in the environment variable CC',
  },
  'a C++ compiler': {
    file: process.env['CXX'] ?? 'g++',
    probe: VERSION,
    remedy: 'install g++, or name another compiler in the environment variable CXX',
  },
  'a Rust compiler': {
    file: process.env['RUSTC'] ?? 'rustc',
    probe: VERSION,
    remedy: 'install rustc, or name one in the environment variable RUSTC',
  },
  musl: { file: 'musl-gcc', probe: VERSION, remedy: 'install musl-tools' },
  Python: {
    file: PYTHON,
    probe: VERSION,
    remedy: 'install python3, or name another Python in the environment variable MMFBUS_TEST_PYTHON',
  },
  'msgpack for Python': {
    file: PYTHON,
    probe: ['-c', 'import msgpack'],
    remedy: 'install python3-msgpack, or name another Python in the environment variable MMFBUS_TEST_PYTHON',
  },
  'pkg-config': { file: 'pkg-config', probe: VERSION, remedy: 'install pkg-config' },
  CMake: { file: 'cmake', probe: VERSION, remedy: 'install cmake' },
  git: {
    file: 'git',
    probe: ['-c', 'safe.directory=*', 'rev-parse', '--git-dir'],
    remedy: 'install git, and run in a clone',
  },
  script: { file: 'script', probe: VERSION, remedy: 'install util-linux (bsdutils)' },
  strace: {
    file: 'strace',
    probe: ['-qq', '-o', '/dev/null', 'true'],
    remedy: 'install strace, and allow it',
  },
  'mount namespaces': {
    file: 'unshare',
    probe: ['--mount', 'true'],
    remedy: 'install util-linux, and run as the superuser of Linux',
  },
  'network namespaces': {
    file: 'unshare',
    probe: ['--net', 'ip', 'link'],
    remedy: 'install util-linux and iproute2, and run as the superuser of Linux',
  },
  Chromium: {
    file: process.env['MMFBUS_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
    probe: VERSION,
    remedy: 'install chromium, or name it in the environment variable MMFBUS_TEST_CHROMIUM',
  },
  NATS: { file: 'nats-server', probe: VERSION, remedy: 'install nats-server' },
  OpenSSL: { file: 'openssl', probe: ['version'], remedy: 'install openssl' },
  tmux: { file: 'tmux', probe: ['-V'], remedy: 'install tmux' },
  Bun: {
    file: process.env['MMFBUS_TEST_BUN'] ?? programIn('@oven/bun-linux-x64', 'bin/bun', 'bun'),
    probe: VERSION,
    remedy: 'install Bun, or name it in the environment variable MMFBUS_TEST_BUN',
  },
  Deno: {
    file: process.env['MMFBUS_TEST_DENO'] ?? programIn('@deno/linux-x64-glibc', 'deno', 'deno'),
    probe: VERSION,
    remedy: 'install Deno, or name it in the environment variable MMFBUS_TEST_DENO',
  },
  'Node 20': nodeOf(20),
  'Node 22': nodeOf(22),
  'Node 24': nodeOf(24),
  'Node 26': nodeOf(26),
};

/** A tool that a test needs cannot be run. */
export class MissingTool extends Error {}

let whenMissing: (error: MissingTool) => void = () => {};
const answers = new Map<ToolName, boolean>();

/** Has the action called before {@link commandOf} throws; the action may throw something else. */
export function onMissingTool(action: (error: MissingTool) => void): void {
  whenMissing = action;
}

/** Whether the tool can be run. */
function hasTool(name: ToolName): boolean {
  const { file, probe } = tools[name];
  const answer = answers.get(name) ?? spawnSync(file, probe).status === 0;
  answers.set(name, answer);
  return answer;
}

/**
 * The command of a tool. A test that calls this is skipped where the tool is missing.
 *
 * @throws {@link MissingTool} outside tests, and where the environment variable MMFBUS_REQUIRE_TOOLS is set.
 */
export function commandOf(name: ToolName): string {
  const { file, remedy } = tools[name];
  if (!hasTool(name)) {
    const error = new MissingTool(`${name} is missing (${file}): ${remedy}`);
    whenMissing(error);
    throw error;
  }
  return file;
}
