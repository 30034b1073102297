// A service with a method of each kind, for what is generated from contracts.
import { f64, string, struct, u32 } from '@mmfbus/codec';
import { defineService, type Handlers, method, nothing, type Service, stream } from '@mmfbus/service';

const methods = {
  add: method({
    input: struct({ a: f64(), b: f64() }),
    output: f64(),
    errors: { OVERFLOW: struct({ limit: f64() }) },
  }),
  log: method({ input: string() }),
  reset: method({ output: nothing() }),
  sum: method({ input: stream(f64()), output: f64() }),
  ticks: method({
    input: struct({ symbol: string(), count: u32() }),
    output: stream(struct({ symbol: string(), price: f64() })),
  }),
};

/** The service, whatever its name. */
export type Calc = Service<typeof methods>;

/** The service of that name. */
export function calc(name: string): Calc {
  return defineService({ name, methods });
}

/** Its handlers in Node; `log` is told to `logged`. */
export function calcHandlers(logged: string[]): Handlers<Calc> {
  return {
    add: ({ a, b }, { errors }) => {
      if (a > 100) throw errors.OVERFLOW({ limit: 100 });
      return a + b;
    },
    log: (text) => {
      logged.push(text);
    },
    reset: () => {},
    sum: async (items) => {
      let total = 0;
      for await (const item of items) total += item;
      return total;
    },
    async *ticks({ symbol, count }) {
      for (let price = 0; price < count; price++) yield { symbol, price };
    },
  };
}

/** What a client that was generated prints when it has called every method. */
export const CALLED: readonly string[] = [
  'add 3',
  'OVERFLOW 100 as declared',
  'sum 5050',
  'tick AAPL 0',
  'tick AAPL 1',
  'tick AAPL 2',
];
