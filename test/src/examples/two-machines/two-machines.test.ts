import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { outputPattern } from '../../docs/code-blocks.js';
import { NatsServer } from '../../nats/nats-server.js';
import { ownDirectory } from '../../support/own-directory.js';
import { type Program, type StartOptions, startNode } from '../../support/spawn.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { commandOf } from '../../support/tools.js';
import { exampleOf } from '../shelf.js';

/** Longer than it takes on a busy machine. */
const WATCHDOG = 280_000;
const SLOW = { timeout: 300_000 };

const directory = ownDirectory('two-machines');
const temporary = temporaryFolder('two-machines');
const stored = temporaryFolder('two-machines-nats');
const tools = temporaryFolder('two-machines-tools');
const example = exampleOf('two-machines');

function start(args: readonly string[] = [], options: StartOptions = {}): Program {
  return startNode(join(example.folder, 'run.js'), {
    args,
    cwd: example.folder,
    env: { TMPDIR: temporary },
    isGroup: true,
    watchdog: WATCHDOG,
    ...options,
  });
}

/** What an example that has ended must not have left behind. */
function expectNothingLeft({ pid }: Program): void {
  expect(readdirSync(temporary)).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
  expect(() => process.kill(-pid, 0)).toThrow('ESRCH');
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  expect(stdout ?? '').not.toMatch(/mmfbus-(?:shop|warehouse)-/);
}

/** Messages that the bridge of that machine told as missing. */
function toldBy(machine: string, output: string): number {
  const gaps = output.matchAll(
    new RegExp(`bridge of the ${machine}: gap in temperatures, (\\d+) messages`, 'g'),
  );
  return [...gaps].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The table at its end: published, arrived, told as missing, and checksums. */
function tableOf(output: string): ReadonlyMap<string, readonly string[]> {
  const rows = output.split('\n').map((line) => line.replaceAll(/(\d),(?=\d)/g, '$1').split(/ {2,}/));
  return new Map(rows.map(([name = '', ...cells]) => [name, cells]));
}

function expectWhole(output: string): void {
  const table = tableOf(output);
  for (const name of ['orders', 'shipments']) {
    expect(table.get(name)).toEqual(['7000', '7000', '0', expect.stringMatching(/^[\da-f]{8}, equal$/)]);
  }
  const [published, arrived, missing] = (table.get('temperatures') ?? []).map(Number);
  expect(published).toBe(21_010);
  expect(Number(arrived) + Number(missing)).toBe(21_010);
  // The thousand before the link was cut, and the ten after it was mended.
  expect(arrived).toBeGreaterThanOrEqual(1010);
  expect(toldBy('shop', output)).toBe(missing);
  expect(toldBy('warehouse', output)).toBeGreaterThan(0);
}

describe('two machines', () => {
  it('that are network namespaces print what the README says, and lose nothing silently', SLOW, async () => {
    commandOf('NATS');
    commandOf('network namespaces');
    const program = start();
    const output = await program.success();
    expect(output.trim()).toMatch(outputPattern(example.output));
    expectWhole(output);
    expectNothingLeft(program);
  });

  it('that are folders do the same when the server is killed', SLOW, async () => {
    commandOf('NATS');
    const program = start(['--local']);
    const output = await program.success();
    expect(output).toMatch(/^ {2}stock of nut: NO_SERVER, started: false$/m);
    expectWhole(output);
    expectNothingLeft(program);
  });

  it.each([/^Two network/, /^2\. Now/])('leave nothing behind at Ctrl-C after %s', SLOW, async (line) => {
    commandOf('NATS');
    commandOf('network namespaces');
    const program = start();
    await program.waitForLine(line);
    program.kill('SIGINT');
    const { status, stderr } = await program.exit();
    expect({ status, stderr }).toEqual({ status: 130, stderr: '' });
    expectNothingLeft(program);
  });

  it('leave nothing behind when one of the programs is killed, and say which', SLOW, async () => {
    commandOf('NATS');
    const program = start(['--local']);
    await program.waitForLine(/^ {2}temperatures 1000/);
    const children = readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8')
      .trim()
      .split(' ');
    const victim = children.find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('warehouse.js'),
    );
    process.kill(Number(victim), 'SIGKILL');
    const { status, stderr } = await program.exit();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^Error: warehouse\.js of the warehouse: it ended with SIGKILL/),
    });
    expectNothingLeft(program);
  });

  it('say what is missing, and what to do', async () => {
    const path = (name: string) => {
      mkdirSync(join(tools, name));
      return join(tools, name);
    };
    const refused = async (PATH: string) => {
      const program = start([], { env: { TMPDIR: temporary, PATH } });
      const { status, stdout, stderr } = await program.exit();
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expectNothingLeft(program);
      return stderr;
    };
    expect(await refused(path('nothing'))).toMatch(/^nats-server is missing\. .*apt install nats-server/);

    const nats = path('nats');
    writeFileSync(join(nats, 'nats-server'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await refused(nats)).toMatch(
      /^Network namespaces cannot be made here: ip .*ENOENT\n.*\n.*--local/,
    );

    commandOf('network namespaces');
    // A kernel that has no virtual links: the namespaces were made before that shows.
    const lines = [
      '#!/bin/sh',
      `PATH='${process.env['PATH']}'`,
      'case "$*" in *veth*) echo "no veth" >&2; exit 2 ;; esac',
    ];
    writeFileSync(join(nats, 'ip'), [...lines, 'exec ip "$@"', ''].join('\n'), { mode: 0o755 });
    expect(await refused(nats)).toMatch(/^Network namespaces cannot be made here: ip .*: no veth\n/);
  });
});

interface Compose {
  readonly services: Readonly<Record<string, { readonly command: string }>>;
}

it('the commands of compose.yaml work, each with its own shared memory', SLOW, async () => {
  const server = await NatsServer.start({ folder: stored });
  const { services } = parse(readFileSync(join(example.folder, 'compose.yaml'), 'utf8')) as Compose;
  const memoryOf = (name: string) => join(directory, name);
  const container = (name: string) => {
    const app = join(tools, name);
    cpSync(example.folder, app, { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
    symlinkSync(join(example.folder, 'node_modules'), join(app, 'node_modules'));
    mkdirSync(memoryOf(name));
    const command = services[name]?.command.replaceAll('nats://nats', server.url) ?? '';
    const env = { MMFBUS_DIRECTORY: memoryOf(name) };
    return startNode(command, { runtime: ['sh', '-c'], cwd: app, env, isGroup: true, watchdog: WATCHDOG });
  };
  const [warehouse, shop] = [container('warehouse'), container('shop')];
  const [, ordered = ''] = await shop.waitForLine(/^totals (.*)$/);
  warehouse.send('end');
  const [, shipped = ''] = await warehouse.waitForLine(/^totals (.*)$/);
  const whole = { count: 1000, missing: 0, repeated: 0 };
  const { orders, shipments } = JSON.parse(ordered);
  expect({ orders, shipments }).toMatchObject({ orders: whole, shipments: whole });
  expect(JSON.parse(shipped)).toMatchObject({ orders, shipments });

  // The bridges run until their containers end.
  for (const [name, program] of Object.entries({ shop, warehouse })) {
    program.kill('SIGTERM');
    const { stdout } = await program.exit();
    if (name === 'shop') expect(stdout).toMatch(/^stock of bolt: 500$/m);
    expect(readdirSync(memoryOf(name))).toEqual([]);
    rmSync(memoryOf(name), { recursive: true });
  }
});
