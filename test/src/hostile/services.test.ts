import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChannelError } from '@mmfbus/channel';
import { MmfError } from '@mmfbus/core';
import { quantile, ServiceObserver, type ServiceState } from '@mmfbus/service/internal';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMAND } from '../command/command-support.js';
import { desk, handlersOf, Journal } from '../service/desk.js';
import { ownDirectory } from '../support/own-directory.js';
import { createRandom, type Random } from '../support/random.js';
import { startNode } from '../support/spawn.js';

const directory = ownDirectory('hostile-services');
/** Looks at each kind of damage. */
const ROUNDS = 150;

/** Copies of a registry and of an inbox, as a live server has written them, under the name of a service that no process uses. */
let registry: Uint8Array;
let inbox: Uint8Array;
let registryFile = '';
let inboxFile = '';

beforeEach(async () => {
  await using _server = await desk('real').serve(handlersOf(new Journal()), { name: 'one' });
  await using client = await desk('real').client({ name: 'caller' });
  for (let a = 1; a < 120; a++) await client.add({ a, b: 0 }).catch(() => {});
  for (const name of readdirSync(directory).filter((file) => /real~(service|calls)/.test(file))) {
    const file = join(directory, name.replace('.real~', '.evil~'));
    copyFileSync(join(directory, name), file);
    if (name.endsWith('~service')) registryFile = file;
    else inboxFile = file;
  }
  [registry, inbox] = [readFileSync(registryFile), readFileSync(inboxFile)];
});

afterEach(() => {
  for (const file of [registryFile, inboxFile]) rmSync(file, { force: true });
});

/** What is seen, or the error of ours that says why nothing is. */
function look(observer: ServiceObserver): ServiceState | undefined {
  try {
    return observer.look('evil');
  } catch (error) {
    if (error instanceof ChannelError || error instanceof MmfError) return undefined;
    throw error;
  }
}

function expectBounded(state: ServiceState | undefined): void {
  if (state === undefined) return;
  const { servers, clients } = state;
  expect(servers.length + clients.length).toBeLessThanOrEqual(1024);
  for (const { outstanding, methods, calls } of servers) {
    expect(outstanding).toBeGreaterThanOrEqual(0);
    expect(methods.length).toBeLessThanOrEqual(128);
    expect(calls.length).toBeLessThanOrEqual(256);
    for (const { times, name, ...numbers } of methods) {
      expect(name.length).toBeLessThanOrEqual(64);
      for (const number of Object.values(numbers)) expect(number).toBeGreaterThanOrEqual(0);
      const p99 = quantile({ times, longest: numbers.longest }, 0.99);
      expect(p99 === undefined || p99 >= 0).toBe(true);
    }
  }
}

/** The bytes with some of a part of them overwritten. */
function damaged(bytes: Uint8Array, random: Random, from: number, to: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let count = 1 + random(64); count > 0; count--) {
    const at = from + random(to - from);
    const length = Math.min(1 + random(16), to - at);
    for (let index = 0; index < length; index++)
      copy[at + index] = [0, 0xff, random(256)][random(3)] as number;
  }
  return copy;
}

test('the copy is seen as its original was', () => {
  const state = look(new ServiceObserver());
  expect(state?.servers).toMatchObject([{ name: 'one', problem: undefined }]);
  const add = state?.servers[0]?.methods.find(({ name }) => name === 'add');
  expect([add?.served, add?.failed]).toEqual([119, 19]);
});

test.each([
  ['the header of the registry', 'registry', 0, 512],
  ['the participants of the registry', 'registry', 256, 70_000],
  ['the header of the inbox', 'inbox', 0, 512],
  ['the whole inbox', 'inbox', 0, Number.POSITIVE_INFINITY],
] as const)('damage to %s gives numbers or an error, and ends', (_what, which, from, to) => {
  const random = createRandom(from + 1);
  const [file, bytes] = which === 'registry' ? [registryFile, registry] : [inboxFile, inbox];
  const observer = new ServiceObserver();
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(file, damaged(bytes, random, from, Math.min(to, bytes.length)));
    expectBounded(look(observer));
  }
});

test('a contract that makes no sense is said to be the problem, and the counters are seen', () => {
  const text = Buffer.from(desk('real').contract.text);
  const at = Buffer.from(inbox).indexOf(text);
  const observer = new ServiceObserver();
  const texts = [
    '{"version":1,"methods":'.padEnd(text.length, '['),
    'x'.repeat(text.length),
    '{"version":9}'.padEnd(text.length),
    '{"version":1,"methods":[]}'.padEnd(text.length),
    Buffer.alloc(text.length, 0xff),
  ];
  for (const hostile of texts) {
    const bytes = Uint8Array.from(inbox);
    bytes.set(Buffer.from(hostile), at);
    writeFileSync(inboxFile, bytes);
    const [server] = look(observer)?.servers ?? [];
    expect(server?.methods.map(({ served }) => served)).toContain(119);
    if (server?.contract === undefined) expect(server?.problem).toMatch(/^evil: /);
  }
});

test('the command shows what there is, and escapes it', async () => {
  const random = createRandom(7);
  const name = Buffer.from(registry).indexOf('one');
  const bytes = Uint8Array.from(registry);
  bytes.set(Buffer.from('\u001b[2J\u0007'), name);
  writeFileSync(registryFile, bytes);
  const run = (...words: string[]) => startNode(COMMAND, { args: words }).exit();
  const { status, stdout, stderr } = await run('services', 'evil', '--sample', '0');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('\\u{1b}[2J');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal obeys.
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  for (let round = 0; round < 5; round++) {
    writeFileSync(inboxFile, damaged(inbox, random, 512, inbox.length));
    const ending = await run('services', 'evil', '--sample', '0', '--json');
    expect({ status: ending.status, stderr: ending.stderr }).toEqual({ status: 0, stderr: '' });
    JSON.parse(ending.stdout);
  }
});
