// A service for the tests of the bridge, which has every kind of method. Its handlers tell what they do by printing it.
import { bytes, f64, string, struct, u32 } from '@mmfbus/codec';
import { defineService, type Handlers, method, nothing, type Server, stream } from '@mmfbus/service';

const methods = {
  add: method({
    input: struct({ a: f64(), b: f64() }),
    output: f64(),
    errors: { OVERFLOW: struct({ limit: f64() }), EMPTY: nothing() },
  }),
  /** So many numbers, from 1 on. */
  count: method({ input: u32(), output: stream(u32()) }),
  sum: method({ input: stream(u32()), output: u32() }),
  /** Each number twice. */
  double: method({ input: stream(u32()), output: stream(u32()) }),
  log: method({ input: string() }),
  /** Waits until it is given up; tells how long it had, in whole seconds. */
  wait: method({ output: nothing() }),
  fail: method({ output: nothing() }),
  /** So many bytes. */
  blob: method({ input: u32(), output: bytes() }),
  size: method({ input: bytes(), output: u32() }),
};

export const calc = defineService({ name: 'calc', methods });
/** The same with one method more, and another one that differs. */
export const grown = defineService({
  name: 'calc',
  methods: {
    ...methods,
    size: method({ input: bytes(), output: string() }),
    more: method({ output: u32() }),
  },
});

function tell(text: string): void {
  console.log(`handled ${text}`);
}

const handlers: Handlers<typeof calc> = {
  add({ a, b }, { errors }) {
    if (a + b === 0) throw errors.EMPTY();
    if (a + b > 100) throw errors.OVERFLOW({ limit: 100 });
    return a + b;
  },
  async *count(to) {
    try {
      for (let number = 1; number <= to; number++) yield number;
    } finally {
      tell('count');
    }
  },
  async sum(numbers) {
    let sum = 0;
    try {
      for await (const number of numbers) sum += number;
    } catch (error) {
      tell(`sum failed ${(error as Error).message}`);
      throw error;
    }
    return sum;
  },
  async *double(numbers) {
    for await (const number of numbers) yield 2 * number;
  },
  log: (text) => tell(`log ${text}`),
  async wait(_, { signal, deadline }) {
    const seconds = Math.ceil((deadline - Number(process.hrtime.bigint())) / 1e9);
    tell(`wait ${seconds}`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    tell('given up');
  },
  fail() {
    throw new RangeError('on purpose');
  },
  blob: (length) => new Uint8Array(length).fill(7),
  size: ({ length }) => length,
};

export function serveCalc(which: 'calc' | 'grown'): Promise<Server> {
  if (which === 'calc') return calc.serve(handlers, { name: 'calc-1' });
  return grown.serve({ ...handlers, size: ({ length }) => `${length}`, more: () => 1 }, { name: 'calc-2' });
}
