import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';

/** The machine and its Node, for people. */
export function describeMachine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() || 'unknown processor';
  return `${model}, ${cores.length} cores, ${type()} ${release()}, Node ${process.versions.node}`;
}

const packages = [
  'msgpackr',
  'zeromq',
  '@nats-io/transport-node',
  'ioredis',
  '@grpc/grpc-js',
  'vscode-jsonrpc',
  'birpc',
  'comlink',
];
const programs = ['nats-server', 'redis-server'];

const known = new Map<string, string | undefined>();

/** What a program calls its version; undefined when it is not there. */
export function versionOfProgram(program: string): string | undefined {
  if (!known.has(program)) known.set(program, askForVersion(program));
  return known.get(program);
}

function askForVersion(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  return /\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? 'unknown';
}

function versionOfPackage(name: string): string {
  const path = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).version;
}

/** Versions of what is compared. */
export function versions(): Record<string, string> {
  const servers = programs.flatMap((name) => {
    const version = versionOfProgram(name);
    return version === undefined ? [] : [[name, version]];
  });
  return Object.fromEntries([...packages.map((name) => [name, versionOfPackage(name)]), ...servers]);
}
