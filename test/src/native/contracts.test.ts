import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  array,
  boolean,
  bytes,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  map,
  nullable,
  oneOf,
  optional,
  record,
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
  type MethodComparison,
  method,
  nothing,
  stream,
} from '@mmfbus/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compile } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { contracts } from '../service/random-contracts.js';
import { workspaceRoot } from '../support/workspace.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_201);
const WATCHDOG = 100_000;
/** Bytes of a contract that is made at random. */
const MOST_TEXT = 100_000;

type Pair = readonly [client: string, server: string];

/** What the header for C says of each pair: the methods of the client, with `+` where it can call them and `-` where not. */
function comparedInC(pairs: readonly Pair[]): string[] {
  const source = join(workspaceRoot, 'test', 'native', 'contracts_peer.c');
  const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
  const program = compile('contracts-peer', [source], [include, '-pthread', ...SANITIZERS]);
  const { status, stdout, stderr } = spawnSync(program, {
    input: `${pairs.flat().join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
    timeout: WATCHDOG,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd().split('\n').map(sorted);
}

/** The methods may be in any order. */
function sorted(line: string): string {
  return line.trim().split(' ').toSorted().join(' ');
}

/** The same, as Node says it. */
function comparedInNode([client, server]: Pair): string {
  const outcomes = compareContracts(contractOfText('desk', client), contractOfText('desk', server));
  const isOne = ({ outcome }: MethodComparison) => outcome === 'same' || outcome === 'compatible';
  return sorted([...outcomes].map(([name, found]) => `${name}${isOne(found) ? '+' : '-'}`).join(' '));
}

function textOf(methods: Record<string, Method>): string {
  return defineService({ name: 'desk', methods }).contract.text;
}

/** The same contract, as other programs may write it: with white space, and escapes in place of letters. */
function loosely(text: string): string {
  const spaced = JSON.stringify(JSON.parse(text), undefined, 1).replaceAll('\n', ' ');
  return spaced.replaceAll(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const a = struct({ a: u8() });
const shapes: readonly Shape[] = [
  ...[u8(), u16(), u32(), u64(), i8(), i16(), i32(), i64(), f32(), f64()],
  ...[
    u32({ max: 255 }),
    u32({ min: 1, max: 255 }),
    i32({ min: -1, max: 2 ** 24 }),
    u64({ as: 'number', max: 2 ** 24 + 1 }),
  ],
  ...[
    u64({ as: 'number', min: 1 }),
    i64({ as: 'number', min: -(2 ** 53) + 1, max: -5 }),
    i64({ as: 'number', max: 0 }),
  ],
  ...[boolean(), timestamp(), unknown(), nullable(u8()), nullable(u16())],
  ...[string(), string({ maxLength: 2 }), string({ maxLength: 3 }), bytes(), bytes({ maxLength: 3 })],
  ...[
    oneOf('a', 'b'),
    oneOf('a', 'b', 'c'),
    oneOf('\u{1f600}é', '"\\\n'),
    oneOf('\u{1f600}é', '"\\\n', '\u0001'),
  ],
  ...[
    array(u8()),
    array(u16()),
    array(u8(), { maxItems: 3 }),
    array(u8(), { maxItems: 4 }),
    array(array(u8())),
  ],
  ...[map(string(), u8()), map(string(), u16()), map(string({ maxLength: 3 }), u8()), map(u8(), u8())],
  ...[
    record(u8()),
    struct({}),
    a,
    struct({ a: u16() }),
    struct({ a: optional(u8()) }),
    struct({ a: string() }),
  ],
  ...[struct({ a: u8(), b: u8() }), struct({ b: u8(), a: u8() }), struct({ a: u8(), b: optional(u8()) })],
  ...[
    struct({ a: u8(), b: optional(u16()), c: f64() }),
    struct({ 'é"\\': u8() }),
    struct({ of: a, union: a }),
  ],
  ...[struct({ a, b: array(struct({ a: u8(), b: u8() })) }), struct({ a, b: array(a) })],
  ...[union('kind', { a, b: struct({}) }), union('kind', { a }), union('type', { a })],
  ...[union('kind', { a: struct({ a: u16(), b: optional(u8()) }), b: struct({}), c: struct({}) })],
];

describe('contracts are compared in C as in Node', () => {
  test('for each two shapes, as inputs and as outputs', () => {
    const names = shapes.map((_, index) => `m${String(index).padStart(3, '0')}`);
    const allOf = (methodOf: (shape: Shape) => Method) =>
      Object.fromEntries(shapes.map((shape, index) => [names[index], methodOf(shape)]));
    const pairs = shapes.flatMap((shape): Pair[] => {
      const written = { input: shape, output: unknown() };
      const read = { input: unknown(), output: shape };
      return [
        [textOf(allOf((input) => method({ ...written, input }))), textOf(allOf(() => method(written)))],
        [textOf(allOf((output) => method({ ...read, output }))), textOf(allOf(() => method(read)))],
      ];
    });
    const loose = pairs.map(([client, server]): Pair => [loosely(client), loosely(server)]);
    const expected = pairs.map(comparedInNode);
    expect(comparedInC(pairs)).toEqual(expected);
    expect(comparedInC(loose)).toEqual(expected);
    // Both answers come up, many times.
    expect(expected.join('').split('+').length).toBeGreaterThan(500);
    expect(expected.join('').split('-').length).toBeGreaterThan(500);
  });

  test('for each two kinds of methods', () => {
    const kinds = [
      method(),
      method({ input: a }),
      method({ input: stream(a), output: nothing() }),
      method({ output: nothing() }),
      method({ input: a, output: a }),
      method({ input: z.unknown(), output: z.unknown() }),
      method({ input: a, output: stream(a) }),
      method({ input: stream(struct({})), output: stream(struct({ a: u8(), b: u8() })) }),
      method({ input: a, output: a, idempotent: true }),
      method({ input: a, output: a, errors: { BAD: a } }),
      method({ input: a, output: a, errors: { BAD: nothing() } }),
      method({
        input: a,
        output: a,
        errors: { AWFUL: u8(), BAD: struct({ a: u8(), b: u8() }), WORSE: u8() },
      }),
      method({ input: a, output: a, errors: { BAD: struct({}), WORSE: u16() } }),
    ];
    const pairs = kinds.flatMap((client) =>
      [...kinds, undefined].map(
        (server): Pair => [
          textOf({ one: client }),
          textOf({ ...(server && { one: server }), two: method() }),
        ],
      ),
    );
    expect(comparedInC(pairs)).toEqual(pairs.map(comparedInNode));
  });

  test('for contracts at random, and what becomes of them', () => {
    const pairs = fc
      .sample(fc.tuple(contracts, fc.gen()), { numRuns: 400, seed: SEED })
      .map(([methods, pick]): Pair => {
        const text = textOf(methods);
        const changed = changedAtRandom(text, (below) => pick(fc.nat, { max: below - 1 }));
        return pick(fc.boolean) ? [text, changed] : [changed, text];
      })
      .filter((pair) => pair.every((text) => text.length < MOST_TEXT));
    expect(pairs.length).toBeGreaterThan(300);
    const expected = pairs.map(comparedInNode);
    expect(comparedInC(pairs), `seed ${SEED}`).toEqual(expected);
    expect(comparedInC(pairs.map(([client, server]): Pair => [loosely(client), loosely(server)]))).toEqual(
      expected,
    );
    expect(expected.join('').split('-').length).toBeGreaterThan(50);
  });
});

test('C survives texts that make no sense', () => {
  const pairs = fc
    .sample(fc.tuple(contracts, fc.gen()), { numRuns: 400, seed: SEED + 1 })
    .map(([methods, pick]): Pair => {
      const text = textOf(methods).slice(0, MOST_TEXT).replaceAll('\n', ' ');
      const letters = [...text];
      for (let count = pick(fc.nat, { max: 3 }); count >= 0; count--) {
        letters[pick(fc.nat, { max: letters.length - 1 })] = pick(fc.constantFrom, ...'[]{}",:\\ue9- ');
      }
      return pick(fc.boolean) ? [text, letters.join('')] : [letters.join(''), text];
    });
  const outcomes = comparedInC(pairs);
  expect(outcomes).toHaveLength(pairs.length);
  // Some are contracts still.
  expect(outcomes).toContain(sorted('no contract'));
  expect(outcomes.filter((outcome) => outcome.includes('-'))).not.toEqual([]);
});

test('C gives up a comparison that would take minutes', () => {
  const fields = (letter: string, count: number) =>
    struct(Object.fromEntries(Array.from({ length: count }, (_, index) => [letter + index, optional(u8())])));
  const [client, server] = [fields('a', 2000), fields('b', 30_000)].map((input) =>
    textOf({ one: method({ input }), two: method({ output: a }) }),
  );
  expect(comparedInC([[client!, server!]])).toEqual(['one- two+']);
});

/** A term of a contract's text, or a part of one. */
type Json = string | number | boolean | Json[] | { [name: string]: Json };

const LEAVES: readonly Json[] = [
  'u8',
  'i32',
  'u64',
  'f32',
  'f64',
  'string',
  'unknown',
  'optional',
  'nothing',
];

/** The text with a part of it changed, so that it is a contract still. */
function changedAtRandom(text: string, below: (limit: number) => number): string {
  for (let tries = 0; tries < 50; tries++) {
    const document = JSON.parse(text) as Json;
    const places: (readonly [list: Json[] | Record<string, Json>, key: never])[] = [];
    const visit = (value: Json): void => {
      if (typeof value !== 'object') return;
      for (const key of Object.keys(value)) {
        places.push([value, key as never]);
        visit(value[key as never]);
      }
    };
    visit(document);
    const [parent, key] = places[below(places.length)]!;
    const value = parent[key] as Json;
    const choice = below(5);
    if (Array.isArray(parent) && choice === 0) parent.splice(Number(key), 1);
    else if (Array.isArray(parent) && choice === 1) parent.push(parent.shift()!);
    else if (Array.isArray(value) && choice === 2) value.push(LEAVES[below(LEAVES.length)]!);
    else if (typeof value === 'number') parent[key] = (value + below(3) - 1) as never;
    else if (choice === 3) parent[key] = { nullable: value } as never;
    else parent[key] = LEAVES[below(LEAVES.length)] as never;
    const changed = JSON.stringify(document);
    try {
      if (contractOfText('desk', changed).text !== text) return changed;
    } catch {
      // Not a contract any more.
    }
  }
  return text;
}
