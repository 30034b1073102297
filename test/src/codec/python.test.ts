import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  array,
  boolean,
  bytes,
  codecOf,
  f32,
  f64,
  i8,
  i16,
  i64,
  map,
  nullable,
  oneOf,
  optional,
  string,
  struct,
  timestamp,
  u32,
  u64,
} from '@mmfbus/codec';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { decoded, encoded } from './encoded.js';
import { shapedValues } from './random-shapes.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
const SHAPES = 300;
const peer = join(workspaceRoot, 'test', 'python', 'msgpack_peer.py');

/** What Python, with Debian's python3-msgpack, answers to each of the messages. */
function askPython(mode: 'echo' | 'show', messages: readonly Uint8Array[]): readonly string[] {
  const input = messages.map((message) => Buffer.from(message).toString('hex')).join('\n');
  const python = commandOf('msgpack for Python');
  const { status, stdout, stderr } = spawnSync(python, [peer, mode], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${python} ended with status ${status}:\n${stderr}`);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(messages.length);
  return lines;
}

test('Python sees the values that we wrote', () => {
  const order = codecOf(
    struct({
      id: u32(),
      symbol: string(),
      price: f64(),
      ratio: f32(),
      side: oneOf('buy', 'sell'),
      legs: array(struct({ quantity: i16(), open: boolean() })),
      note: optional(string()),
      missing: optional(string()),
      owner: nullable(string()),
      big: u64(),
      small: i64(),
      at: timestamp(),
      raw: bytes(),
      levels: map(i8(), u32()),
    }),
  );
  const value = {
    id: 4_294_967_295,
    symbol: 'Zürich 🏦',
    price: 187.25,
    ratio: 0.5,
    side: 'buy' as const,
    legs: [
      { quantity: -32_768, open: true },
      { quantity: 5, open: false },
    ],
    note: 'x'.repeat(300),
    owner: null,
    big: 2n ** 64n - 1n,
    small: -(2n ** 63n),
    at: new Date(1_700_000_000_123),
    raw: Uint8Array.of(0, 255),
    levels: new Map([[-128, 7]]),
  };
  const [line = ''] = askPython('show', [encoded(order, value)]);
  expect(line).toContain('"big": 18446744073709551615, "small": -9223372036854775808');
  expect(JSON.parse(line)).toEqual({
    ...value,
    big: Number(value.big),
    small: Number(value.small),
    at: { seconds: 1_700_000_000, nanoseconds: 123_000_000 },
    raw: { bytes: '00ff' },
    levels: { '-128': 7 },
  });
});

test('Python reads all that we write, and we read all that it makes of that', () => {
  const samples = fc
    .sample(shapedValues, { seed: SEED, numRuns: SHAPES })
    .flatMap(({ shape, values }) => values.map((value) => ({ codec: codecOf(shape), value })));
  const answers = askPython(
    'echo',
    samples.map(({ codec, value }) => encoded(codec, value)),
  );
  for (const [index, { codec, value }] of samples.entries()) {
    const where = `seed ${SEED}, value ${index} of ${codec.schema.text}`;
    const back = decoded(codec, Buffer.from(answers[index]!, 'hex'));
    assert.deepStrictEqual(back, value, where);
  }
});
