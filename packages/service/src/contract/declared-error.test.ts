import { f64, struct } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { DeclaredError, defineService, method, nothing } from '../index.js';
import { errorMakers, isDeclared } from './declared-error.js';
import type { MethodContract } from './service-contract.js';

const overflow = { OVERFLOW: struct({ limit: f64() }), CLOSED: nothing() };
const calc = defineService({
  name: 'calc',
  methods: {
    add: method({ output: f64(), errors: overflow }),
    sub: method({ output: f64(), errors: overflow }),
    mul: method({ output: f64() }),
  },
});
const other = defineService({ name: 'other', methods: { add: method({ output: f64(), errors: overflow }) } });

function methodOf({ contract }: { readonly contract: typeof calc.contract }, name: string): MethodContract {
  return contract.methods.get(name) as MethodContract;
}

function made(
  service: typeof calc | typeof other,
  name: string,
  code: string,
  data?: unknown,
): DeclaredError {
  const maker = errorMakers(service.name, methodOf(service, name))[code];
  return maker?.(data) as DeclaredError;
}

describe('declared errors', () => {
  it('are made by their codes', () => {
    const error = made(calc, 'add', 'OVERFLOW', { limit: 5 });
    expect(error).toBeInstanceOf(DeclaredError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DeclaredError',
      message: 'calc.add: OVERFLOW',
      service: 'calc',
      method: 'add',
      code: 'OVERFLOW',
      data: { limit: 5 },
      started: 'maybe',
    });
    expect(Object.keys(errorMakers('calc', methodOf(calc, 'add')))).toEqual(['CLOSED', 'OVERFLOW']);
    expect(made(calc, 'add', 'CLOSED').data).toBeUndefined();
  });

  it('are those of one method of one service', () => {
    const add = methodOf(calc, 'add');
    expect(isDeclared('calc', add, made(calc, 'add', 'CLOSED'))).toBe(true);
    expect(isDeclared('calc', add, made(calc, 'sub', 'CLOSED'))).toBe(false);
    expect(isDeclared('calc', add, made(other, 'add', 'CLOSED'))).toBe(false);
    expect(isDeclared('calc', add, new DeclaredError('calc', 'add', 'LOST', undefined))).toBe(false);
    for (const thrown of [undefined, null, 'CLOSED', new Error('CLOSED'), { code: 'CLOSED' }]) {
      expect(isDeclared('calc', add, thrown)).toBe(false);
    }
  });

  it('are found by service, code and method', () => {
    const error = made(calc, 'add', 'OVERFLOW', { limit: 5 });
    expect(calc.isError(error)).toBe(true);
    expect(calc.isError(error, 'OVERFLOW')).toBe(true);
    expect(calc.isError(error, 'CLOSED')).toBe(false);
    expect(calc.isError(error, 'OVERFLOW', 'add')).toBe(true);
    expect(calc.isError(error, 'OVERFLOW', 'sub')).toBe(false);
    expect(other.isError(error)).toBe(false);
    expect(calc.isError(new DeclaredError('calc', 'add', 'LOST', undefined))).toBe(false);
    expect(calc.isError(new DeclaredError('calc', 'mul', 'CLOSED', undefined))).toBe(false);
    expect(calc.isError(undefined)).toBe(false);
  });
});
