import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { codecOf, f64, string, struct, u64 } from '@mmfbus/codec';
import {
  compareContracts,
  contractOfText,
  defineService,
  type MethodContract,
  type MethodPart,
  method,
  methodHash,
  nothing,
  ServiceError,
  stream,
} from '@mmfbus/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decoded, encoded } from '../codec/encoded.js';
import { shapedValues } from '../codec/random-shapes.js';
import { commandOf } from '../support/tools.js';
import { contracts } from './random-contracts.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_201);
const RUNS = { seed: SEED, numRuns: 100 };

const calc = defineService({
  name: 'calc',
  methods: {
    add: method({
      input: struct({ a: f64(), b: f64() }),
      output: f64(),
      errors: { OVERFLOW: f64(), CLOSED: nothing() },
    }),
    ticks: method({ input: string(), output: stream(struct({ px: f64() })) }),
    order: method({ input: z.object({ id: z.number() }), output: u64(), idempotent: true }),
    log: method({ input: string() }),
    stop: method({ output: nothing() }),
  },
});
const TEXT = calc.contract.text;

/** All of a method but its codecs and shapes. */
function outline({ name, hash, isOneWay, isIdempotent, input, output, errors }: MethodContract): unknown {
  const part = ({ kind, isValidated }: MethodPart) => ({ kind, isValidated });
  const data = [...errors].map(([code, one]) => [code, part(one)]);
  return { name, hash, isOneWay, isIdempotent, input: part(input), output: part(output), data };
}

/** A contract, or undefined where the text was refused as it should be. */
function readOrRefused(text: string): ReturnType<typeof contractOfText> | undefined {
  try {
    return contractOfText('calc', text);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    expect(error.code).toBe('INVALID_CONTRACT');
    expect(error.service).toBe('calc');
    expect(error.message.length).toBeLessThan(500);
    return undefined;
  }
}

describe('the text of a contract', () => {
  test('read back is the contract', () => {
    fc.assert(
      fc.property(contracts, (methods) => {
        const { contract } = defineService({ name: 'random', methods });
        const read = contractOfText('random', contract.text);
        expect(read.text).toBe(contract.text);
        expect([...read.methods.values()].map(outline)).toEqual([...contract.methods.values()].map(outline));
        expect([...read.byHash.keys()].toSorted()).toEqual([...contract.byHash.keys()].toSorted());
        for (const { outcome } of compareContracts(contract, read).values()) expect(outcome).toBe('same');
      }),
      RUNS,
    );
  });

  test('lets every value through, unchanged', () => {
    fc.assert(
      fc.property(shapedValues, ({ shape, values }) => {
        const { contract } = defineService({
          name: 'one',
          methods: { one: method({ input: shape, output: stream(shape) }) },
        });
        const read = contractOfText('one', contract.text).methods.get('one')!;
        for (const { codec } of [read.input, read.output]) {
          for (const value of values) {
            const bytes = encoded(codecOf(shape), value);
            const again = encoded(codec, decoded(codec, bytes));
            assert.deepStrictEqual(decoded(codecOf(shape), again), decoded(codecOf(shape), bytes));
          }
        }
      }),
      RUNS,
    );
  });

  test('may have white space, and another order', () => {
    const { version, methods } = JSON.parse(TEXT) as { version: number; methods: [string, object][] };
    const turned = methods
      .toReversed()
      .map(([name, members]) => [name, Object.fromEntries(Object.entries(members).reverse())]);
    const text = JSON.stringify({ methods: turned, version }, undefined, 2);
    expect(contractOfText('calc', text).text).toBe(TEXT);
  });

  test('has values of msgpack where a validator is not at hand', () => {
    const { input } = contractOfText('calc', TEXT).methods.get('order')!;
    expect(input).toMatchObject({ kind: 'value', isValidated: true });
    const value = { id: 'no number' };
    expect(decoded(input.codec, encoded(input.codec, value))).toEqual(value);
    const ours = calc.contract.methods.get('order')!.input.codec;
    expect(() => encoded(ours, value)).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }));
  });

  test.skipIf(process.platform === 'win32')('is read by what other languages have', () => {
    const program = [
      'import json, sys',
      'def fnv1a(name):',
      '    value = 2166136261',
      '    for byte in name.encode(): value = (value ^ byte) * 16777619 % 2**32',
      '    return value',
      'contract = json.load(sys.stdin)',
      'print(json.dumps({name: [fnv1a(name), "output" not in method] for name, method in contract["methods"]}))',
    ].join('\n');
    const { stdout, stderr } = spawnSync(commandOf('Python'), ['-c', program], {
      input: TEXT,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const expected = [...calc.contract.methods.values()].map(({ name, isOneWay }) => [
      name,
      [methodHash(name), isOneWay],
    ]);
    expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected));
  });
});

describe('a hostile text', () => {
  const parts = [
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
    '{}',
    '[]',
    '-1',
    '1e999',
    'null',
    'true',
    '"nothing"',
    '"stream"',
    '"__proto__"',
  ];

  test('that is a changed one is read in full, or refused', () => {
    const part = fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 }));
    let read = 0;
    let refused = 0;
    fc.assert(
      fc.property(contracts, fc.nat(), fc.nat({ max: 4 }), part, (methods, place, length, inserted) => {
        const { text } = defineService({ name: 'calc', methods }).contract;
        const start = place % (text.length + 1);
        const contract = readOrRefused(text.slice(0, start) + inserted + text.slice(start + length));
        if (contract === undefined) {
          refused += 1;
          return;
        }
        read += 1;
        expect(contractOfText('calc', contract.text).text).toBe(contract.text);
        for (const { input, output, errors } of contract.methods.values()) {
          for (const { codec } of [input, output, ...errors.values()])
            expect(codec.id).toMatch(/^msgpack$|^nothing$/);
        }
        compareContracts(calc.contract, contract);
      }),
      { ...RUNS, numRuns: 500 },
    );
    expect(Math.min(read, refused)).toBeGreaterThan(20);
  });

  test('that is any JSON in place of a part is read in full, or refused', () => {
    const words = [
      'input',
      'output',
      'errors',
      'idempotent',
      'stream',
      'nothing',
      'validated',
      'struct',
      'u8',
      'a',
      'E',
      '__proto__',
    ];
    const term = fc.letrec((tie) => ({
      term: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(...words, 0, 1.5, null, true, ''),
        fc.array(tie('term'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...words), tie('term'), { maxKeys: 3 }),
      ),
    })).term;
    fc.assert(
      fc.property(term, (one) => {
        for (const methods of [
          one,
          [one],
          [['a', one]],
          [['a', { input: one }]],
          [['a', { output: 'u8', errors: one }]],
        ]) {
          const contract = readOrRefused(JSON.stringify({ version: 1, methods }));
          if (contract !== undefined) expect(contractOfText('calc', contract.text).text).toBe(contract.text);
        }
      }),
      { ...RUNS, numRuns: 1_000 },
    );
  });

  const withMethods = (methods: unknown) => JSON.stringify({ version: 1, methods });

  test.each<[string, string]>([
    ['', 'the text is no JSON'],
    ['7', 'the text must be an object, not a number'],
    ['{"version":2,"methods":[]}', 'the version of the text must be 1, not 2'],
    ['{"version":"1","methods":[]}', 'the version of the text must be 1, not a string'],
    [
      '{"version":1,"methods":[],"more":1}',
      'the text has "more", which is not known beside version, methods',
    ],
    ['{"version":1,"methods":[],"__proto__":1}', 'the text has "__proto__", which is not known beside'],
    ['{"version":1}', 'methods must be a list, not undefined'],
    [withMethods([]), 'a service has 1 to 128 methods, not 0'],
    [withMethods(['a']), 'a method must be a list, not a string'],
    [withMethods([['a']]), 'a method must be a list of its name and what it is'],
    [withMethods([['a', {}, 1]]), 'a method must be a list of its name and what it is'],
    [withMethods([[1, {}]]), 'a method must be a list of its name and what it is'],
    [withMethods([['a', []]]), '"a" must be an object, not an array'],
    [withMethods([['a', { input: 'f128' }]]), 'the input of "a": value: "f128" is no kind of shape'],
    [
      withMethods([['a', { input: { struct: [['x', 'f128']] } }]]),
      'the input of "a": x: "f128" is no kind of shape',
    ],
    [withMethods([['a', { input: { stream: 'u8', more: 1 } }]]), 'the input of "a" has "more"'],
    [withMethods([['a', { output: { stream: 'nothing' } }]]), 'the output of "a" is a stream of nothing'],
    [
      withMethods([['a', { output: { stream: { stream: 'u8' } } }]]),
      'the output of "a": value: "stream" is no kind of shape',
    ],
    [
      withMethods([['a', { output: 'u8', errors: [['E', { stream: 'u8' }]] }]]),
      'the error "E" of "a": value: "stream" is no kind',
    ],
    [
      withMethods([['a', { output: 'u8', errors: { E: 'u8' } }]]),
      'errors of "a" must be a list, not an object',
    ],
    [
      withMethods([
        [
          'a',
          {
            output: 'u8',
            errors: [
              ['E', 'u8'],
              ['E', 'u8'],
            ],
          },
        ],
      ]),
      'a: the error E is there twice',
    ],
    [
      withMethods([['a', { output: 'u8', idempotent: 1 }]]),
      'idempotent of "a" must be true or false, not a number',
    ],
    [withMethods([['a', { input: { stream: 'u8' } }]]), 'a takes a stream, which needs an answer'],
    [
      withMethods([
        ['a', {}],
        ['a', {}],
      ]),
      'the method a is there twice',
    ],
    [
      withMethods([
        ['liquid', {}],
        ['costarring', {}],
      ]),
      'the names costarring and liquid have the same hash',
    ],
    [withMethods([['then', {}]]), 'no method can be named "then"'],
    [withMethods([['__proto__', {}]]), 'unlike "__proto__"'],
    [withMethods([['\u001b[2J', {}]]), 'unlike "\\u001b[2J"'],
    [withMethods(Array.from({ length: 1025 }, (_, index) => [`m${index}`, {}])), 'not 1025'],
    [' '.repeat(2 ** 20 + 1), 'the text of a contract has at most 1048576 bytes, not 1048577'],
    ['['.repeat(2 ** 20), 'the text is no JSON'],
    [`{"version":1,"methods":${'['.repeat(5e5)}${']'.repeat(5e5)}}`, 'a method must be a list of its name'],
    [
      withMethods([['a', { input: JSON.parse(`${'{"nullable":'.repeat(70)}"u8"${'}'.repeat(70)}`) }]]),
      'nested deeper than 64 levels',
    ],
  ])('is refused with its place: case %#', (text, reason) => {
    expect(() => contractOfText('calc', text)).toThrow(
      expect.objectContaining({ code: 'INVALID_CONTRACT', message: expect.stringContaining(`calc: `) }),
    );
    expect(() => contractOfText('calc', text)).toThrow(reason);
  });

  test('of very many errors is read', () => {
    const codes = Array.from({ length: 50_000 }, (_, index) => [`E${index}`, 'nothing']);
    const contract = readOrRefused(withMethods([['a', { output: 'u8', errors: codes }]]));
    expect(contract?.methods.get('a')?.errors.size).toBe(50_000);
  });

  test.each([undefined, null, 7, {}, ['{}']])('that is no text is refused: %j', (text) => {
    expect(() => contractOfText('calc', text as never)).toThrow(
      /^calc: the text of a contract is a string, not /,
    );
  });

  test('for a name that no service has is refused', () => {
    expect(() => contractOfText('no/name', TEXT)).toThrow(/^a service: the name of a service has /);
  });
});
