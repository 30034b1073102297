import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  array,
  boolean,
  bytes,
  f32,
  f64,
  i32,
  i64,
  map,
  nullable,
  oneOf,
  optional,
  type Shape,
  string,
  struct,
  timestamp,
  u8,
  u16,
  u32,
  u64,
  union,
  unknown,
} from '@mmfbus/codec';
import {
  compareContracts,
  contractOfText,
  defineService,
  type Method,
  method,
  nothing,
  stream,
} from '@mmfbus/service';
import { expect, test } from 'vitest';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';

const WATCHDOG = 100_000;

type Pair = readonly [client: string, server: string];

/** What the module for Python says of each pair: the methods of the client, with `+` where it can call them and `-` where not. */
function comparedInPython(pairs: readonly Pair[]): string[] {
  const peer = join(workspaceRoot, 'test', 'native', 'contracts_peer.py');
  const { status, stdout, stderr } = spawnSync(commandOf('msgpack for Python'), [peer], {
    input: `${pairs.flat().join('\n')}\n`,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
    timeout: WATCHDOG,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

/** The same, as Node says it. */
function comparedInNode([client, server]: Pair): string {
  const outcomes = compareContracts(contractOfText('desk', client), contractOfText('desk', server));
  return [...outcomes]
    .map(([name, { outcome }]) => `${name}${outcome === 'same' || outcome === 'compatible' ? '+' : '-'}`)
    .join(' ');
}

function textOf(methods: Record<string, Method>): string {
  return defineService({ name: 'desk', methods }).contract.text;
}

const a = struct({ a: u8() });
const shapes: readonly Shape[] = [
  ...[u8(), u16(), u32(), u64(), i32(), i64(), f32(), f64(), boolean(), timestamp(), unknown()],
  ...[u32({ min: 1, max: 255 }), u64({ as: 'number', min: 1 }), i64({ as: 'number', max: 2 ** 24 })],
  ...[
    string(),
    string({ maxLength: 2 }),
    bytes(),
    bytes({ maxLength: 3 }),
    oneOf('a', 'b'),
    oneOf('\u{1f600}é'),
  ],
  ...[nullable(u8()), nullable(u16()), array(u8()), array(u16(), { maxItems: 3 }), map(string(), u8())],
  ...[
    a,
    struct({}),
    struct({ a: optional(u16()) }),
    struct({ b: u8(), a: u8() }),
    struct({ a, b: array(a) }),
  ],
  ...[union('kind', { a, b: struct({}) }), union('kind', { a }), union('type', { a })],
];

test('contracts are compared in Python as in Node', () => {
  const kinds = [
    ...shapes.flatMap((shape) => [
      method({ input: shape, output: a }),
      method({ input: a, output: shape }),
      method({ input: a, output: a, errors: { BAD: shape } }),
    ]),
    ...[
      method(),
      method({ input: a }),
      method({ output: nothing() }),
      method({ input: stream(a), output: a }),
    ],
    ...[method({ input: a, output: stream(a) }), method({ input: a, output: a, errors: { BAD: nothing() } })],
  ];
  const pairs = kinds.flatMap((client) =>
    kinds.map((server): Pair => [textOf({ one: client }), textOf({ one: server })]),
  );
  const expected = pairs.map(comparedInNode);
  expect(comparedInPython(pairs)).toEqual(expected);
  // Both answers come up, many times.
  for (const outcome of ['one+', 'one-'])
    expect(expected.filter((one) => one === outcome).length).toBeGreaterThan(500);
});

test('texts that describe no shapes are compared in Python too', () => {
  const texts = [
    '[]',
    '{}',
    '{"u8":1,"u16":2}',
    '{"array":[]}',
    '{"struct":[["a"]]}',
    '{"union":"a"}',
    '5',
    '"u9"',
  ].map((input) => `{"version":1,"methods":[["one",{"input":${input},"output":"u8"}]]}`);
  const pairs = texts.map((text): Pair => [textOf({ one: method({ input: u8(), output: u8() }) }), text]);
  expect(comparedInPython(pairs)).toEqual(texts.map(() => 'one-'));
});
