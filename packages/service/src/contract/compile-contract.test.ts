import { array, bytes, codecOf, f64, nullable, type Shape, string, struct, u8 } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { defineService, method, methodHash, nothing, ServiceError, stream } from '../index.js';

const calc = {
  add: method({
    input: struct({ a: f64(), b: f64() }),
    output: f64(),
    errors: { OVERFLOW: struct({ limit: f64() }), CLOSED: nothing() },
  }),
  ticks: method({ input: struct({ sym: string() }), output: stream(struct({ px: f64() })) }),
  log: method({ input: string() }),
  price: method({ input: string(), output: f64(), idempotent: true }),
  sum: method({ input: stream(f64()), output: f64() }),
  stop: method({ output: nothing() }),
  ping: method(),
};

/** The message with which a definition is refused, which need not have the type of one. */
function refusalOf(methods: unknown, name: unknown = 'calc'): string {
  try {
    defineService({ name, methods } as never);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'INVALID_CONTRACT') return error.message;
    throw error;
  }
  return 'none';
}

function nested(levels: number): Shape {
  let shape: Shape = u8();
  for (let level = 1; level < levels; level++) shape = array(shape);
  return shape;
}

describe('a contract', () => {
  const { contract } = defineService({ name: 'calc', methods: calc });

  it('has the methods, sorted, by name and by hash', () => {
    const names = ['add', 'log', 'ping', 'price', 'stop', 'sum', 'ticks'];
    expect([...contract.methods.keys()]).toEqual(names);
    for (const name of names) {
      const found = contract.methods.get(name);
      expect(found).toMatchObject({ name, hash: methodHash(name) });
      expect(contract.byHash.get(methodHash(name))).toBe(found);
    }
    expect(contract.byHash.size).toBe(names.length);
  });

  it('says what each method takes and gives', () => {
    const kinds = [...contract.methods.values()].map(({ name, input, output, isOneWay, isIdempotent }) =>
      [
        name,
        input.kind,
        output.kind,
        ...(isOneWay ? ['one way'] : []),
        ...(isIdempotent ? ['idempotent'] : []),
      ].join(' '),
    );
    expect(kinds).toEqual([
      'add value value',
      'log value none one way',
      'ping none none one way',
      'price value value idempotent',
      'stop none none',
      'sum stream value',
      'ticks value stream',
    ]);
    expect(
      [...(contract.methods.get('add')?.errors ?? [])].map(([code, { kind }]) => `${code} ${kind}`),
    ).toEqual(['CLOSED none', 'OVERFLOW value']);
  });

  it('has the codecs of the shapes, each made once', () => {
    const input = contract.methods.get('add')?.input;
    expect(input?.codec).toBe(codecOf(calc.add.input));
    expect(input?.shape).toBe(calc.add.input);
    expect(contract.methods.get('sum')?.input.codec).toBe(codecOf(calc.sum.input.item));
  });

  it('has a codec for no value, of no bytes', () => {
    const { codec } = contract.methods.get('stop')!.output;
    const target = Uint8Array.of(7, 7);
    expect(codec.encode(undefined, target, 1)).toBe(1);
    expect(codec.decode(target, 1, 1)).toBeUndefined();
    expect(target).toEqual(Uint8Array.of(7, 7));
    expect(() => codec.encode(null, target, 0)).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }));
    expect(() => codec.decode(target, 0, 1)).toThrow(expect.objectContaining({ code: 'UNDECODABLE' }));
  });

  it('has a text that says all of it', () => {
    expect(JSON.parse(contract.text)).toEqual({
      version: 1,
      methods: [
        [
          'add',
          {
            input: {
              struct: [
                ['a', 'f64'],
                ['b', 'f64'],
              ],
            },
            output: 'f64',
            errors: [
              ['CLOSED', 'nothing'],
              ['OVERFLOW', { struct: [['limit', 'f64']] }],
            ],
          },
        ],
        ['log', { input: 'string' }],
        ['ping', {}],
        ['price', { input: 'string', output: 'f64', idempotent: true }],
        ['stop', { output: 'nothing' }],
        ['sum', { input: { stream: 'f64' }, output: 'f64' }],
        [
          'ticks',
          { input: { struct: [['sym', 'string']] }, output: { stream: { struct: [['px', 'f64']] } } },
        ],
      ],
    });
    expect(JSON.stringify(JSON.parse(contract.text))).toBe(contract.text);
  });

  it('is the same whatever the order of the methods and codes, and the name', () => {
    const turned = Object.fromEntries(Object.entries(calc).reverse());
    const errors = Object.fromEntries(Object.entries(calc.add.errors).reverse());
    const add = method({ ...calc.add, errors });
    expect(defineService({ name: 'other', methods: { ...turned, add } }).contract.text).toBe(contract.text);
  });

  it('stays what it was when the definition changes', () => {
    const methods = { one: method({ input: u8() }) };
    const { contract } = defineService({ name: 'one', methods });
    Object.assign(methods, { two: method() });
    expect(contract.methods.size).toBe(1);
    expect(Object.isFrozen(methods.one)).toBe(true);
  });
});

describe('a definition is refused', () => {
  const one = { one: method({ input: u8() }) };

  it.each([undefined, null, [], 'calc', () => {}])('that is %j', (definition) => {
    expect(() => defineService(definition as never)).toThrow(
      /a service: what defineService\(\) takes must be an object, not /,
    );
  });

  it.each([
    ['', 'unlike ""'],
    ['a/b', 'unlike "a/b"'],
    ['~calls', 'unlike "~calls"'],
    ['größe', 'unlike "größe"'],
    ['x'.repeat(101), `unlike "${'x'.repeat(64)}"…`],
    [7, 'not a number'],
    [null, 'not null'],
  ])('with the name %j', (name, reason) => {
    expect(refusalOf(one, name)).toMatch(/^a service: the name of a service /);
    expect(refusalOf(one, name)).toContain(reason);
  });

  it.each([
    [{}, 'a service has 1 to 128 methods, not 0'],
    [undefined, 'methods must be an object, not undefined'],
    [[one.one], 'methods must be an object, not an array'],
    [struct({}), 'methods must be an object, not a schema'],
    [Object.fromEntries(Array.from({ length: 1025 }, (_, index) => [`m${index}`, method()])), 'not 1025'],
  ])('with the methods of case %#', (methods, reason) => {
    expect(refusalOf(methods)).toContain(reason);
  });

  it('with options that there are not', () => {
    expect(() => defineService({ name: 'calc', methods: one, scope: 'user' } as never)).toThrow(
      'calc: what defineService() takes cannot have "scope": there are name, methods',
    );
    expect(refusalOf({ one: method({ idempotnt: true } as never) })).toBe(
      'calc: the options of one cannot have "idempotnt": there are input, output, errors, idempotent',
    );
  });

  it.each([
    '',
    '1st',
    '_a',
    '$all',
    'a-b',
    'a.b',
    'a b',
    'größe',
    'then',
    'toJSON',
    'constructor',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'x'.repeat(65),
  ])('with a method named %j', (name) => {
    expect(refusalOf({ [name]: method() })).toMatch(
      /^calc: (the name of a method has|no method can be named) /,
    );
  });

  it('with a method named __proto__, where it is a property', () => {
    const methods = Object.defineProperty({}, '__proto__', { value: method(), enumerable: true });
    expect(refusalOf(methods)).toMatch(/unlike "__proto__"$/);
  });

  it('with names that have one hash', () => {
    expect(methodHash('costarring')).toBe(methodHash('liquid'));
    expect(refusalOf({ liquid: method(), costarring: method() })).toBe(
      'calc: the names costarring and liquid have the same hash: rename one of the methods',
    );
  });

  it.each<[unknown, string]>([
    [{ output: f64() }, 'one must be a method: write method({ … }), not an object'],
    [f64(), 'one must be a method: write method({ … }), not an object'],
    [method, 'one must be a method: write method({ … }), not a function'],
    [undefined, 'one must be a method: write method({ … }), not undefined'],
    [method(null as never), 'the options of one must be an object, not null'],
    [method(f64() as never), 'the options of one must be an object, not a schema'],
    [
      method({ input: f64 } as never),
      'the input of one must be a shape, not a function: write f64(), with its parentheses',
    ],
    [
      method({ input: { a: f64() } } as never),
      'the input of one must be a shape, not a plain object: write struct({ … })',
    ],
    [
      method({ input: null } as never),
      'the input of one must be a shape or another Standard Schema, not null',
    ],
    [
      method({ output: 'f64' } as never),
      'the output of one must be a shape or another Standard Schema, not a string',
    ],
    [method({ input: nothing() } as never), 'one takes nothing when it has no input: leave it out'],
    [method({ output: stream(nothing() as never) }), 'the output of one must be a shape, not nothing(…)'],
    [method({ output: stream(stream(f64()) as never) }), 'the output of one must be a shape, not stream(…)'],
    [
      method({ output: f64(), idempotent: 1 } as never),
      'idempotent of one must be true or false, not a number',
    ],
    [method({ output: f64(), errors: [] } as never), 'errors of one must be an object, not an array'],
    [
      method({ output: f64(), errors: { overflow: f64() } }),
      'one: the code of an error has 1 to 64 capital letters',
    ],
    [
      method({ output: f64(), errors: { E: stream(f64()) } } as never),
      'the error "E" of one has one value at most, no stream',
    ],
    [
      method({ output: f64(), errors: { E: undefined } } as never),
      'the error "E" of one must be a shape or another Standard Schema, not undefined',
    ],
    [
      method({ input: f64(), errors: { E: f64() } }),
      'one is one way, and answers no errors: give it an output',
    ],
    [
      method({ input: f64(), idempotent: true }),
      'one is one way, runs at most once and so is never run again',
    ],
    [method({ input: stream(f64()) }), 'one takes a stream, which needs an answer: give it an output'],
    [method({ output: stream(f64()), idempotent: true }), 'one streams, and so cannot be run again'],
    [
      method({ input: stream(f64()), output: f64(), idempotent: true }),
      'one streams, and so cannot be run again',
    ],
    [method({ input: nested(65) }), 'the input of one: the shape is nested deeper than 64 levels'],
  ])('with the method of case %#', (made, reason) => {
    expect(refusalOf({ one: made })).toContain(`calc: ${reason}`);
  });

  it('whose text is longer than the memory has room for', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 60_000 }, (_, index) => [`a-long-name-${index}`, u8()]),
    );
    expect(refusalOf({ one: method({ input: struct(fields) }) })).toMatch(
      /^calc: the text of a contract has at most 1048576 bytes, not \d{7}$/,
    );
  });

  it('but not for shapes at the limits', () => {
    expect(refusalOf({ one: method({ input: nested(64), output: nullable(bytes()) }) })).toBe('none');
  });
});
