import { array, f64, i32, optional, string, struct, u8, u32, unknown } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import {
  compareContracts,
  contractOfText,
  defineService,
  type Method,
  method,
  nothing,
  stream,
} from '../index.js';

/** What a server's method is to a client's. */
function compared(client: Method, server: Method | undefined): unknown {
  const contractOf = (methods: Record<string, Method>) => defineService({ name: 'desk', methods }).contract;
  const ours = contractOf({ one: client, same: method() });
  const theirs = contractOf({ ...(server && { one: server }), other: method(), same: method() });
  const found = compareContracts(ours, theirs);
  expect([...found.keys()]).toEqual(['one', 'same']);
  expect(found.get('same')).toEqual({ outcome: 'same', isIdempotent: false });
  // All that counts is in the text.
  const read = compareContracts(contractOfText('desk', ours.text), contractOfText('desk', theirs.text));
  expect(read).toEqual(found);
  return found.get('one');
}

const order = { id: u32(), price: f64() };
const buy = method({
  input: struct(order),
  output: struct({ at: f64() }),
  errors: { CLOSED: struct({ until: f64() }) },
});
const compatible = { outcome: 'compatible', isIdempotent: false };
const different = (difference: string) => ({ outcome: 'different', difference });

describe('a method can be called', () => {
  it('where it is the same', () => {
    expect(compared(buy, method({ ...buy }))).toEqual({ outcome: 'same', isIdempotent: false });
  });

  it.each<[string, Method]>([
    [
      'with an optional field in its input',
      method({ ...buy, input: struct({ ...order, note: optional(string()) }) }),
    ],
    ['with a wider input', method({ ...buy, input: struct({ ...order, id: f64() }) })],
    ['with one field fewer in its input', method({ ...buy, input: struct({ id: u32() }) })],
    ['with any input', method({ ...buy, input: unknown() })],
    ['with one field more in its output', method({ ...buy, output: struct({ at: f64(), by: string() }) })],
    ['with a narrower output', method({ ...buy, output: struct({ at: i32() }) })],
    ['with an error more', method({ ...buy, errors: { ...buy.errors, BROKEN: nothing() } })],
    ['with an error fewer', method({ ...buy, errors: {} })],
    [
      'with a field more in its error',
      method({ ...buy, errors: { CLOSED: struct({ until: f64(), why: string() }) } }),
    ],
  ])('where the server has it %s', (_, server) => {
    expect(compared(buy, server)).toEqual(compatible);
  });

  it('and run twice only where both sides say so', () => {
    const [once, twice] = [method({ output: f64() }), method({ output: f64(), idempotent: true })];
    expect(compared(twice, twice)).toEqual({ outcome: 'same', isIdempotent: true });
    expect(compared(twice, once)).toEqual(compatible);
    expect(compared(once, twice)).toEqual(compatible);
  });
});

describe('a method cannot be called', () => {
  it('where the server does not have it', () => {
    expect(compared(buy, undefined)).toEqual({ outcome: 'missing' });
  });

  it.each<[Method, string]>([
    [method({ ...buy, input: struct({ ...order, price: string() }) }), 'input price: string there, f64 here'],
    [
      method({ ...buy, input: struct({ ...order, note: string() }) }),
      'input note: string there, nothing here',
    ],
    [method({ ...buy, input: struct({ ...order, id: u8() }) }), 'input id: u8 there, u32 here'],
    [method({ ...buy, input: f64() }), 'input value: f64 there, struct here'],
    [method({ ...buy, output: struct({}) }), 'output at: nothing there, f64 here'],
    [method({ ...buy, output: struct({ at: unknown() }) }), 'output at: unknown there, f64 here'],
    [method({ ...buy, output: array(struct({ at: f64() })) }), 'output value: array there, struct here'],
    [method({ ...buy, output: stream(struct({ at: f64() })) }), 'output: a stream there, one value here'],
    [method({ ...buy, output: nothing() }), 'output: nothing there, one value here'],
    [method({ input: buy.input }), 'output: one way there, one value here'],
    [method({ ...buy, input: undefined }), 'input: nothing there, one value here'],
    [method({ ...buy, input: stream(buy.input) }), 'input: a stream there, one value here'],
    [
      method({ ...buy, errors: { CLOSED: struct({ until: string() }) } }),
      'CLOSED until: string there, f64 here',
    ],
    [method({ ...buy, errors: { CLOSED: nothing() } }), 'CLOSED: nothing there, one value here'],
  ])('where it differs, as in case %#', (server, text) => {
    expect(compared(buy, server)).toEqual(different(text));
  });

  it('where one way is something else than without a value', () => {
    expect(compared(method({ output: nothing() }), method())).toEqual(
      different('output: one way there, nothing here'),
    );
    expect(compared(method(), method({ output: nothing() }))).toEqual(
      different('output: nothing there, one way here'),
    );
  });
});
