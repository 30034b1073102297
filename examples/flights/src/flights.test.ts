import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ownDirectory } from '../../../test/src/support/own-directory.js';
import { type Program, startNode } from '../../../test/src/support/spawn.js';
import { uniqueName } from '../../../test/src/support/unique-name.js';
import { Checksum } from './checksum.js';
import { readFlights } from './flights-file.js';
import { count } from './units.js';

const folder = ownDirectory('flights');
const names = ['hours', 'delays', 'distances'] as const;

const flights = readFlights();
const total = count(flights.length);
const checksum = new Checksum();
for (const flight of flights) checksum.add(flight);

function start(program: string, args: readonly string[]): Program {
  const path = fileURLToPath(new URL(`../dist/${program}.js`, import.meta.url));
  return startNode(path, { args });
}

interface Demo {
  readonly launcher: Program;
  /** Process ids by name. */
  readonly pids: ReadonlyMap<string, number>;
}

/** A demo of which all four processes have started and the subscribers have joined. */
async function startDemo(...args: string[]): Promise<Demo> {
  const launcher = start('demo', ['--channel', uniqueName('flights'), ...args]);
  const pids = new Map<string, number>();
  for (const name of [...names, 'publisher']) {
    const [, pid] = await launcher.waitForLine(new RegExp(`^started ${name}, process (\\d+)$`));
    pids.set(name, Number(pid));
  }
  return { launcher, pids };
}

/** The rows of the table by the name in their first column. */
function tableOf(stdout: string): Map<string, string[]> {
  const lines = stdout.split('\n');
  const rows = lines.slice(lines.findIndex((line) => line.startsWith('process '))).slice(2, 6);
  return new Map(rows.map((row) => row.split(/ {2,}/)).map((cells) => [cells[0] ?? '', cells]));
}

/** Count, checksum and outcome of a row. */
function essence(cells: readonly string[] | undefined): (string | undefined)[] {
  return [cells?.[1], cells?.[2], cells?.at(-1)];
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function expectNobodyLeft({ pids }: Demo): void {
  expect([...pids.values()].filter(isAlive)).toEqual([]);
}

describe('the demo', () => {
  test('brings every flight to all three subscribers', async () => {
    const demo = await startDemo();
    const stdout = await demo.launcher.success();
    const table = tableOf(stdout);
    expect(total).toBe('231,083');
    expect(essence(table.get('publisher'))).toEqual([total, checksum.value, 'published']);
    for (const name of names) expect(essence(table.get(name))).toEqual([total, checksum.value, 'equal']);
    expect(stdout).toContain(`All 3 subscribers received all ${total} messages, in order.`);
    expect(stdout).not.toContain('\u001b');
    expectNobodyLeft(demo);
  });

  test('goes on when a subscriber is killed', async () => {
    const demo = await startDemo('--slow', '50000');
    const victim = demo.pids.get('distances') ?? 0;
    // Stopped, it holds the others back once the ring is full, so that they cannot be done before it is killed.
    process.kill(victim, 'SIGSTOP');
    await demo.launcher.waitForLine(/^published +10 %/);
    process.kill(victim, 'SIGKILL');
    const { status, stdout } = await demo.launcher.exit();
    expect(status).toBe(1);
    const table = tableOf(stdout);
    expect(essence(table.get('publisher'))).toEqual([total, checksum.value, 'published']);
    expect(essence(table.get('hours'))).toEqual([total, checksum.value, 'equal']);
    expect(essence(table.get('delays'))).toEqual([total, checksum.value, 'equal']);
    expect(essence(table.get('distances'))).toEqual(['-', '-', 'killed by SIGKILL']);
    expect(stdout).toContain('Not all is well: see distances.');
    expectNobodyLeft(demo);
  });

  test('says so when the publisher is killed, and runs again after that', async () => {
    const channel = ['--channel', uniqueName('flights')];
    const demo = await startDemo('--slow', '20000', '--repeat', '1000', ...channel);
    await demo.launcher.waitForLine(/^published /);
    process.kill(demo.pids.get('publisher') ?? 0, 'SIGKILL');
    const { status, stdout, stderr } = await demo.launcher.exit();
    expect(status).toBe(1);
    const table = tableOf(stdout);
    expect(essence(table.get('publisher'))).toEqual(['-', '-', 'killed by SIGKILL']);
    // What it had published reached all of them.
    const [first, ...others] = names.map((name) => essence(table.get(name)));
    expect(first).toEqual([expect.stringMatching(/^[\d,]+$/), expect.any(String), 'publisher died']);
    for (const other of others) expect(other).toEqual(first);
    for (const name of names) expect(stderr).toContain(`${name}: publisher died;`);
    expectNobodyLeft(demo);

    const next = await startDemo(...channel);
    expect(essence(tableOf(await next.launcher.success()).get('hours'))[2]).toBe('equal');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends everything at %s', async (signal, expected) => {
    const demo = await startDemo('--slow', '20000', '--repeat', '1000');
    await demo.launcher.waitForLine(/^published /);
    demo.launcher.kill(signal);
    const { status } = await demo.launcher.exit();
    expect(status).toBe(expected);
    expectNobodyLeft(demo);
  });

  test('ends when the launcher is killed', async () => {
    const demo = await startDemo('--slow', '20000', '--repeat', '1000');
    await demo.launcher.waitForLine(/^published /);
    demo.launcher.kill('SIGKILL');
    await demo.launcher.exit();
    await expect.poll(() => readdirSync(folder), { timeout: 60_000 }).toEqual([]);
  });
});

describe('the programs by hand', () => {
  test('show the same', async () => {
    const channel = ['--channel', uniqueName('flights')];
    const subscriber = start('subscriber', ['hours', ...channel]);
    await subscriber.waitForLine(/^hours \d+ has joined/);
    const published = await start('publisher', channel).success();
    const received = await subscriber.success();
    const outcome = `${total} messages, checksum ${checksum.value}, `;
    expect(published).toContain(outcome);
    expect(received).toContain(outcome);
    expect(received).toContain('Flights by hour of departure');
  });

  test('end at Ctrl-C', async () => {
    const subscriber = start('subscriber', ['delays', '--channel', uniqueName('flights')]);
    await subscriber.waitForLine(/^delays \d+ has joined/);
    subscriber.kill('SIGINT');
    expect((await subscriber.exit()).status).toBe(130);
  });

  test.each(['demo', 'publisher', 'subscriber'])('%s --help', async (program) => {
    expect(await start(program, ['--help']).success()).toMatch(/^Usage: /);
  });

  test.each([
    ['subscriber', [], 'say which subscriber: one of hours, delays, distances'],
    ['subscriber', ['days'], 'there is no subscriber "days"'],
    ['subscriber', ['hours', '--channel', 'a/b'], '--channel'],
    ['publisher', ['--slow', '0'], '--slow takes a whole number from 1 to 1000000, not "0"'],
    ['demo', ['--slwo', '5'], "Unknown option '--slwo'"],
    ['demo', ['hours'], "Unexpected argument 'hours'"],
  ])('%s %j is refused', async (program, args, message) => {
    const { status, stdout, stderr } = await start(program, args).exit();
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(`See ${program} --help.`);
  });
});
