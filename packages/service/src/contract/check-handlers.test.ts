import { f64, string } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { defineService, method, ServiceError } from '../index.js';
import { checkHandlers } from './check-handlers.js';

const { contract } = defineService({
  name: 'desk',
  methods: {
    buy: method({ input: string(), output: f64() }),
    sell: method({ input: string(), output: f64() }),
    log: method({ input: string() }),
  },
});

function problemsOf(handlers: unknown): string {
  try {
    checkHandlers(contract, handlers);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'INVALID_HANDLERS') return error.message;
    throw error;
  }
  return 'none';
}

describe('handlers', () => {
  it('are taken as they are, and called as methods of their object', () => {
    const desk = {
      price: () => 7,
      buy(this: { sell(): number }) {
        return this.sell();
      },
      sell: () => 7,
      log: () => {},
    };
    const { price: _, ...handlers } = desk;
    const found = checkHandlers(contract, handlers);
    expect([...found.keys()].toSorted()).toEqual(['buy', 'log', 'sell']);
    handlers.buy = () => 8;
    expect(found.get('buy')?.('ABC', {})).toBe(7);
  });

  it('may be methods of a class', () => {
    class Desk {
      readonly #price = 5;
      buy() {
        return this.#price;
      }
      sell() {
        return this.#price + 1;
      }
      log() {}
    }
    expect(checkHandlers(contract, new Desk()).get('sell')?.('ABC', {})).toBe(6);
  });

  it('are refused with the name of each that is wrong', () => {
    expect(problemsOf({ buy: 'soon', cancel() {}, ['x'.repeat(100)]: 1 })).toBe(
      `desk: buy must be a function, not a string; log is missing; sell is missing; the contract has no method "cancel"; the contract has no method "${'x'.repeat(64)}"…`,
    );
  });

  it.each([[undefined], [null], [[]], [() => {}], ['buy']])('are an object, not %j', (value) => {
    expect(problemsOf(value)).toContain(
      'the handlers must be an object with a function for each method, not ',
    );
  });
});
