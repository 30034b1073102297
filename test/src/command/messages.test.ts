import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { busOf } from '../bus/bus-support.js';
import { ownDirectory } from '../support/own-directory.js';
import type { Program } from '../support/spawn.js';
import {
  leave,
  linesOf,
  objectsOf,
  PRICES,
  publisherProgram,
  run,
  runWith,
  start,
  station,
} from './command-support.js';

const directory = ownDirectory('messages');

/** Publishes prices from 100 on, named in turn. */
const TEN = `for (let n = 0; n < 10; n++) await publisher.publish({ symbol: n % 2 ? 'AAPL' : 'MSFT', px: 100 + n });`;

describe('mmfbus sub', () => {
  it('shows messages by number, decoded by the schema of the channel', async () => {
    const program = await publisherProgram('prices', PRICES, TEN);
    expect(await linesOf('sub', 'prices', '--from', 'earliest', '-n', '2')).toEqual([
      '     1  {symbol: "MSFT", px: 100}',
      '     2  {symbol: "AAPL", px: 101}',
    ]);
    expect(await linesOf('sub', 'prices', '--from', '9', '-n', '2', '--csv')).toEqual([
      'sequence,symbol,px',
      '9,MSFT,108',
      '10,AAPL,109',
    ]);
    const where = `px > 104 and symbol in ['AAPL']`;
    expect(await objectsOf('sub', 'prices', '--from', 'earliest', '-n', '2', '--where', where)).toMatchObject(
      [
        { sequence: 6, publisher: 0, value: { symbol: 'AAPL', px: 105 } },
        { sequence: 8, publisher: 0, value: { symbol: 'AAPL', px: 107 } },
      ],
    );
    const fields = ['--field', 'px', '--field', 'symbol', '--time'];
    expect(await linesOf('sub', 'prices', '--from', 'earliest', '-n', '1', ...fields)).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} {2}100\tMSFT$/),
    ]);
    expect(await linesOf('sub', 'prices', '--from', '10', '-n', '1', '--raw')).toEqual([
      '82a673796d626f6ca44141504ca27078cb405b400000000000',
    ]);
    await leave(program);
  });

  it('shows what a program in C publishes', async () => {
    const program = await station('readings');
    const where = 'celsius >= 61.5';
    expect(
      await objectsOf('sub', 'readings', '--from', 'earliest', '-n', '2', '--where', where),
    ).toMatchObject([
      { sequence: 4, value: { sensor: 'boiler', celsius: 61.5, last: false } },
      { sequence: 5, value: { sensor: 'boiler', celsius: 62, last: true } },
    ]);
    await leave(program);
  });

  it('takes no seat, and with --reliable a real one', async () => {
    const program = await publisherProgram('prices', PRICES, TEN);
    const bus = await busOf();
    const onlooker = start(['sub', 'prices', '--from', 'earliest']);
    await onlooker.waitForLine(/^ +10 /);
    expect((await bus.inspect('prices'))?.participants).toHaveLength(1);
    const seated = start(['sub', 'prices', '--from', 'earliest', '--reliable']);
    await seated.waitForLine(/^ +10 /);
    expect((await bus.inspect('prices'))?.participants).toMatchObject([
      { role: 'publisher' },
      { role: 'subscriber', delivery: 'reliable', name: 'mmfbus sub', pid: seated.pid },
    ]);
    program.endInput();
    await seated.waitForLine(/^-- the channel has ended$/);
    await onlooker.waitForLine(/^-- the channel has ended$/);
    await Promise.all([program, seated, onlooker].map((one) => one.success()));
  });

  it('shows what was overwritten as a gap', async () => {
    const body = `for (let n = 0; n < 1000; n++) await publisher.publish({ symbol: 'AAPL', px: n });`;
    const program = await publisherProgram('prices', PRICES, body, ', capacity: 4096');
    const [gap, first] = await objectsOf('sub', 'prices', '--from', '1', '-n', '1');
    const { to } = (gap as { gap: { to: number } }).gap;
    expect(gap).toEqual({ gap: { from: 1, to, count: to } });
    expect(first).toMatchObject({ sequence: to + 1 });
    await leave(program);
  });

  it('fails where the channel ends before the messages are there', async () => {
    const program = await publisherProgram('prices', PRICES, TEN);
    const sub = start(['sub', 'prices', '--from', 'earliest', '-n', '11']);
    await sub.waitForLine(/^ +10 /);
    await leave(program);
    const { status, stderr } = await sub.exit();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'mmfbus sub: prices ended after 10 of 11 messages\n',
    });
  });

  it('follows the name of a channel', async () => {
    const sub = start(['sub', 'prices', '--follow', '--from', 'earliest', '--json']);
    for (let life = 0; life < 2; life++) {
      const program = await publisherProgram(
        'prices',
        PRICES,
        "await publisher.publish({ symbol: 'A', px: 1 });",
      );
      await sub.waitForLine(/"sequence":1,/);
      await leave(program);
      await sub.waitForLine(/^\{"ended":true\}$/);
    }
    sub.kill('SIGTERM');
    await sub.success();
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends by %s, and leaves nothing', async (signal) => {
    const program = await publisherProgram('prices', PRICES, TEN);
    const before = readdirSync(directory).toSorted();
    for (const option of ['--time', '--reliable']) {
      const sub = start(['sub', 'prices', '--from', 'earliest', option]);
      await sub.waitForLine(/ 10 /);
      await sendOften(sub, signal);
      const { status, stderr } = await sub.exit();
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(readdirSync(directory).toSorted()).toEqual(before);
    }
    await leave(program);
  });
});

/**
 * Sends a signal again and again while a program ends, as npx and the terminal both send one; not for as long as it takes to mean it
 * anew.
 */
async function sendOften(program: Program, signal: NodeJS.Signals): Promise<void> {
  let hasEnded = false;
  void program.exit().then(() => {
    hasEnded = true;
  });
  for (const first = performance.now(); !hasEnded && performance.now() - first < 500; await setImmediate()) {
    program.kill(signal);
  }
}

describe('hostile values', () => {
  const SCHEMA = String.raw`struct({ text: string(), ['a\u001b]0;x\u0007\n']: nullable(unknown()) })`;
  const VALUES = String.raw`
    let deep = [];
    for (let n = 0; n < 60; n++) deep = [deep];
    const put = (text, more) => publisher.publish({ text, ['a\u001b]0;x\u0007\n']: more });
    await put('\u001b[2J\u009b31m\u202e\r\n\u0000', null);
    await put('x'.repeat(2 ** 20), deep);
    await put('end', { '\u001b[31m': [] });
  `;
  // What a terminal might obey, but for the ends of lines.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
  const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;

  it.each([[[]], [['--json']], [['--full']], [['--time', '--field', 'text']]])(
    'are shown as text by sub %j',
    async (options) => {
      const program = await publisherProgram('hostile', SCHEMA, VALUES);
      const lines = await linesOf('sub', 'hostile', '--from', 'earliest', '-n', '3', ...options);
      expect(lines).toHaveLength(3);
      // Fields are set apart by tabs, of which there is one field.
      for (const line of lines) expect(line).not.toMatch(OBEYED);
      expect(lines[0]).toContain('\\u001b[2J\\u009b31m\\u202e\\r\\n\\u0000');
      const isFull = options.includes('--json') || options.includes('--full');
      if (isFull) expect(lines[1]?.length).toBeGreaterThan(2 ** 20);
      else expect(lines[1]?.length).toBeLessThan(2_000);
      await leave(program);
    },
  );

  it('are shown as text by ls, info and schema', async () => {
    const program = await publisherProgram('hostile', SCHEMA, VALUES);
    for (const words of [
      ['ls'],
      ['info', 'hostile'],
      ['info', 'hostile', '--json'],
      ['schema', 'hostile'],
      ['doctor'],
    ]) {
      for (const line of await linesOf(...words)) expect(line).not.toMatch(OBEYED);
    }
    await leave(program);
  });
});

describe('mmfbus pub', () => {
  it('publishes values of the schema, and refuses others', async () => {
    const schema = 'struct({ id: i64(), at: timestamp(), raw: bytes(), note: nullable(string()) })';
    const program = await publisherProgram('events', schema, '');
    const value = '{"id": "9007199254740993", "at": "2026-01-02T03:04:05Z", "raw": "AQID", "note": null}';
    expect(await linesOf('pub', 'events', value)).toEqual(['published message 1 of events']);
    // Numbers beyond 2^53 are exact, which the parser of this test is not.
    expect(await linesOf('sub', 'events', '--from', 'earliest', '-n', '1')).toEqual([
      '     1  {id: 9007199254740993, at: 2026-01-02T03:04:05.000Z, raw: 0x010203 (3 bytes), note: null}',
    ]);
    const { status, stderr } = await run('pub', 'events', '{"id": 1}');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('at: expected timestamp'),
    });
    await leave(program);
  });

  it('fills in templates', async () => {
    const program = await publisherProgram('dice', 'struct({ throw: u32(), eyes: u8() })', '');
    const value = '{"throw": {{seq}}, "eyes": {{random 1 6}}}';
    expect(await objectsOf('pub', 'dice', value, '--count', '20', '--rate', '1000')).toEqual([
      { channel: 'dice', published: 20, first: 1, last: 20 },
    ]);
    const thrown = await objectsOf('sub', 'dice', '--from', 'earliest', '-n', '20');
    const values = thrown.map(({ value }) => value as { throw: number; eyes: number });
    expect(values.map((one) => one.throw)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    for (const { eyes } of values) expect([1, 2, 3, 4, 5, 6]).toContain(eyes);
    await leave(program);
  });

  it('takes what sub prints', async () => {
    const program = await publisherProgram('prices', PRICES, TEN);
    const from = await objectsOf('sub', 'prices', '--from', 'earliest', '-n', '10');
    const input = from.map(({ value }) => JSON.stringify(value)).join('\n');
    expect((await runWith(input, 'pub', 'prices', '-')).stdout).toBe(
      'published 10 messages of prices, from 11 to 20\n',
    );
    const again = await objectsOf('sub', 'prices', '--from', '11', '-n', '10');
    expect(again.map(({ value }) => value)).toEqual(from.map(({ value }) => value));
    await leave(program);
  });

  it('names the line of a mistake, and keeps what was published before', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    const input = '{"symbol": "A", "px": 1}\n\n{"symbol": "B", "px": "2"}\n{"symbol": "C", "px": 3}';
    const { status, stdout, stderr } = await runWith(input, 'pub', 'prices');
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'published message 1 of prices\n' });
    expect(stderr).toContain('line 3: prices: px: expected f64');
    await leave(program);
  });

  it('makes a channel only when it is told to', async () => {
    const refused = await run('pub', 'fresh', '1');
    expect(refused).toMatchObject({
      status: 1,
      stderr: 'mmfbus pub: there is no channel fresh; there are no channels; --create makes one\n',
    });
    const pub = start(['pub', 'fresh', '"kept"', '--create', '--wait', '1']);
    const bus = await busOf();
    for await (const change of bus.watch()) if (change.type === 'joined') break;
    const seated = start(['sub', 'fresh', '--reliable', '--from', 'earliest', '-n', '1']);
    expect([await seated.success(), await pub.success()]).toEqual([
      '     1  "kept"\n',
      'published message 1 of fresh\n',
    ]);
  });
});
