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
import { describe, expect, test } from 'vitest';
import { compileRust } from '../support/rust.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';

const WATCHDOG = 100_000;

type Pair = readonly [client: string, server: string];

const folder = join(workspaceRoot, 'test', 'native');

/** How a program is run that compares contracts by the module of a language. */
const peers: Readonly<Record<string, () => [command: string, ...args: string[]]>> = {
  Python: () => [commandOf('msgpack for Python'), join(folder, 'contracts_peer.py')],
  Rust: () => [compileRust('contracts-peer', join(folder, 'contracts_peer.rs'))],
};

/** What the module of that language says of each pair: the methods of the client, with `+` where it can call them and `-` where not. */
function comparedIn(language: string, pairs: readonly Pair[]): string[] {
  const [command, ...args] = peers[language]!();
  const { status, stdout, stderr } = spawnSync(command, args, {
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

/** The same contract, as other programs may write it: with white space, and escapes in place of letters. */
function loosely(text: string): string {
  const spaced = JSON.stringify(JSON.parse(text), undefined, 1).replaceAll('\n', ' ');
  return spaced.replaceAll(
    /[\u0080-\uffff]|(?<=")[AKa](?=[\w"])/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A contract with one method that takes that and answers a `u8`. */
function taking(input: string): string {
  return `{"version":1,"methods":[["one",{"input":${input},"output":"u8"}]]}`;
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

test.each(Object.keys(peers))('contracts are compared in %s as in Node', (language) => {
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
  expect(comparedIn(language, pairs)).toEqual(expected);
  const loose = pairs.map(([client, server]): Pair => [loosely(client), loosely(server)]);
  expect(comparedIn(language, loose)).toEqual(expected);
  // Both answers come up, many times.
  for (const outcome of ['one+', 'one-'])
    expect(expected.filter((one) => one === outcome).length).toBeGreaterThan(500);
});

test.each(Object.keys(peers))('texts that describe no shapes are compared in %s too', (language) => {
  const texts = [
    '[]',
    '{}',
    '{"u8":1,"u16":2}',
    '{"array":[]}',
    '{"struct":[["a"]]}',
    '{"union":"a"}',
    '{"map":["u8"]}',
    '{"nullable":"u9"}',
    '5',
    '"u9"',
  ];
  const pairs = texts.map((text): Pair => [taking('"u8"'), taking(text)]);
  expect(comparedIn(language, pairs)).toEqual(texts.map(() => 'one-'));
});

describe('Rust survives', () => {
  test('texts that are cut off or changed', () => {
    const text = textOf({
      one: method({ input: shapes.at(-3)!, output: oneOf('\u{1f600}é'), errors: { BAD: a } }),
    });
    const loose = loosely(text);
    const texts = [...loose].flatMap((letter, at) => [
      loose.slice(0, at),
      ...[...'[]{}",:\\ue9- ']
        .filter((other) => other !== letter)
        .map((other) => loose.slice(0, at) + other + loose.slice(at + 1)),
    ]);
    const outcomes = comparedIn(
      'Rust',
      texts.flatMap((other): Pair[] => [
        [text, other],
        [other, text],
      ]),
    );
    expect(outcomes).toHaveLength(2 * texts.length);
    expect(outcomes).toEqual(expect.arrayContaining(['no contract', 'one+', 'one-']));
  });

  test('shapes as deep as there are, and deeper ones', () => {
    const nested = (levels: number, inner: string) =>
      `${'{"union":"k","of":[["v",[["a",'.repeat(levels)}${inner}${']]]]}'.repeat(levels)}`;
    const pairs = [255, 256, 10_000].map(
      (levels): Pair => [taking(nested(levels, '"u8"')), taking(nested(levels, '"u16"'))],
    );
    expect(comparedIn('Rust', pairs)).toEqual(['one+', 'one-', 'one-']);
    const lists: Pair = [taking('"u8"'), taking('['.repeat(500_000) + ']'.repeat(500_000))];
    expect(comparedIn('Rust', [lists])).toEqual(['one-']);
  });

  test('a comparison that would take minutes', () => {
    const fields = Array.from({ length: 20_000 }, (_, index) => `["a${index}","u8"]`).join(',');
    const [client, server] = [fields, '["a","struct"]'.replace('"struct"', '{"struct":[]}')];
    const slow: Pair = [
      taking(`{"struct":[["a",{"struct":[${client}]}]]}`),
      taking(`{"struct":[${Array.from({ length: 30_000 }, () => server).join(',')}]}`),
    ];
    const quick: Pair = [slow[0], taking(`{"struct":[${server}]}`)];
    expect(comparedIn('Rust', [slow, quick])).toEqual(['one-', 'one+']);
  });
});
