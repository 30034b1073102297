import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import {
  IN_SHELL,
  leave,
  linesOf,
  objectsOf,
  PRICES,
  publisherProgram,
  run,
  station,
} from './command-support.js';

ownDirectory('listing');

const PUBLISH = "await publisher.publish({ symbol: 'AAPL', px: 187.25 });";

describe('mmfbus ls', () => {
  it('shows the channels of programs in Node and in C, each also where it is alone', async () => {
    expect(await linesOf('ls')).toEqual(['There are no channels.']);
    const c = await station('readings');
    expect(await objectsOf('ls')).toMatchObject([
      { name: 'readings', codec: 'msgpack', published: 5, publishers: 1, subscribers: 0, largestLag: 0 },
    ]);
    const node = await publisherProgram('prices', PRICES, PUBLISH);
    const [head = '', ...rows] = await linesOf('ls', '--sample', '0');
    expect(head.split(/\s+/)).toEqual([
      'CHANNEL',
      'SCHEMA',
      'RATE',
      'PUBLISHED',
      'PUB',
      'SUB',
      'LAG',
      'MEMORY',
    ]);
    expect(rows.map((row) => row.split(/\s{2,}/))).toEqual([
      ['prices', '{symbol, px}', '-', '1', '1', '0', '0 %', '8.02 MiB'],
      ['readings', '{sensor, celsius, last}', '-', '5', '1', '0', '0 %', '8.02 MiB'],
    ]);
    expect((await objectsOf('ls', 'p*')).map(({ name }) => name)).toEqual(['prices']);
    await leave(c);
    await leave(node);
  });

  it('goes on with --watch, and ends in silence when its reader does', async () => {
    const program = await publisherProgram('prices', PRICES, PUBLISH);
    const line = `${IN_SHELL} ls --watch --json --sample 0 | head -n 2; echo "status \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await startNode('-c', { runtime: ['bash'], args: [line] }).exit();
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2).map((text) => JSON.parse(text).name)).toEqual(['prices', 'prices']);
    expect([lines[2], stderr]).toEqual(['status 0', '']);
    await leave(program);
  });
});

describe('mmfbus info', () => {
  it('shows the schema, the participants and the last message', async () => {
    const program = await publisherProgram('prices', PRICES, PUBLISH);
    const text = (await linesOf('info', 'prices')).join('\n');
    expect(text).toContain('export const prices = struct({\n  symbol: string(),\n  px: f64(),\n});');
    expect(text).toMatch(new RegExp(`0 {2}publisher {2}ticker {2}${program.pid} {2}yes`));
    expect(text).toMatch(/Message 1 at \d\d:\d\d:\d\d\.\d{3}: \{symbol: "AAPL", px: 187\.25\}$/);
    const [info] = await objectsOf('info', 'prices');
    expect(info).toMatchObject({
      name: 'prices',
      published: 1,
      participants: [{ role: 'publisher', pid: program.pid, name: 'ticker', alive: true }],
      last: { sequence: 1, value: { symbol: 'AAPL', px: 187.25 } },
    });
    await leave(program);
  });

  it('shows a program in C that is alone', async () => {
    const program = await station('readings');
    const [info] = await objectsOf('info', 'readings');
    expect(info).toMatchObject({
      participants: [{ pid: program.pid, name: 'station', program: expect.stringContaining('station') }],
      last: { sequence: 5, value: { sensor: 'boiler', celsius: 62, last: true } },
    });
    await leave(program);
  });
});

describe('mmfbus schema', () => {
  it.each([
    ['--ts', 'export const prices = struct({'],
    ['--json-schema', '"$schema": "https://json-schema.org/draft/2020-12/schema"'],
    ['--c', '#include "mmfbus_shape.h"'],
    ['--rust', 'pub struct Prices'],
    ['--python', 'mmfbus_shape'],
    ['--text', '{"version":1,"shape":{"struct":[["symbol","string"],["px","f64"]]}}'],
  ])('%s', async (option, expected) => {
    const program = await publisherProgram('prices', PRICES, '');
    expect((await linesOf('schema', 'prices', option)).join('\n')).toContain(expected);
    await leave(program);
  });
});

describe('a mistake', () => {
  it('names the nearest channel, command, option and field', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    const cases = [
      [['info', 'price'], 1, 'mmfbus info: there is no channel price; did you mean prices?\n'],
      [['hz', 'prcies'], 1, 'mmfbus hz: there is no channel prcies; did you mean prices?\n'],
      [['sub', 'prices', '--where', 'pxx > 1'], 2, 'prices: the schema has no field pxx; did you mean px?'],
      [['pub', 'prices', '{"symbl": 1}'], 1, 'the value has no field symbl; did you mean symbol?'],
      [['inf'], 2, 'mmfbus: there is no command inf; did you mean info?\nSee mmfbus --help.\n'],
      [['info'], 2, 'something is missing: mmfbus info NAME'],
      [['info', 'prices', 'more'], 2, 'unexpected "more"'],
      [['info', 'a/b'], 2, "a channel's name holds only"],
      [['ls', '--wach'], 2, "Unknown option '--wach'; did you mean --watch?\nSee mmfbus ls --help."],
      [['ls', '--scope', 'moon'], 2, '--scope is user or machine, not "moon"'],
      [['sub', 'prices', '--from', 'now'], 2, '--from takes earliest, latest or the number of a message'],
      [['sub', 'prices', '--json', '--csv'], 2, 'exclude one another'],
      [['hz'], 2, 'name channels, or give --all'],
      [['\x1b[31mls'], 2, 'there is no command \\u001b[31mls'],
    ] as const;
    for (const [words, status, message] of cases) {
      const ending = await run(...words);
      expect({ words, status: ending.status, stdout: ending.stdout }).toEqual({ words, status, stdout: '' });
      expect(ending.stderr).toContain(message);
    }
    await leave(program);
  });
});

describe('help', () => {
  it('is there for all commands, and begins with how to use it', async () => {
    const overview = await linesOf('--help');
    const names = overview.flatMap((line) => /^ {2}(\w+) {2,}\S/.exec(line)?.[1] ?? []);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const [usage, , ...rest] = await linesOf(name, '--help');
      expect(usage).toMatch(new RegExp(`^Usage: mmfbus ${name}\\b`));
      expect(rest.join('\n')).toContain('--json');
    }
    expect((await run()).status).toBe(2);
    expect(await linesOf('--version')).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+/)]);
  });
});
