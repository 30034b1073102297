// What the compiler finds out. Nothing here calls a server: of what is not awaited and not run only the types count.
import { f64, string, struct, u64, unknown } from '@mmfbus/codec';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type AnswerOf,
  type AnswerStream,
  type CallOptions,
  type Client,
  type Context,
  type DeclaredError,
  defineService,
  type Handlers,
  method,
  nothing,
  type ServerInfo,
  type Streamable,
  stream,
} from '../index.js';

interface Sum {
  a: number;
  b: number;
}

const calc = defineService({
  name: 'calc',
  methods: {
    add: method({
      input: struct({ a: f64(), b: f64() }),
      output: f64(),
      errors: { OVERFLOW: struct({ limit: f64() }), CLOSED: nothing() },
    }),
    ticks: method({ input: struct({ sym: string() }), output: stream(struct({ px: f64() })) }),
    log: method({ input: string() }),
    price: method({ input: string(), output: u64(), errors: { OVERFLOW: string() }, idempotent: true }),
    sum: method({ input: stream(f64()), output: f64() }),
    both: method({ input: stream(f64()), output: stream(string()) }),
    stop: method({ output: nothing() }),
    ping: method(),
  },
});

declare const client: Client<typeof calc>;

describe('the handlers of a service', () => {
  it('get and give what the contract says', () => {
    type H = Handlers<typeof calc>;
    expectTypeOf<Parameters<H['add']>[0]>().toEqualTypeOf<Sum>();
    expectTypeOf<ReturnType<H['add']>>().toEqualTypeOf<number | PromiseLike<number>>();
    expectTypeOf<ReturnType<H['ticks']>>().toEqualTypeOf<
      Streamable<{ px: number }> | PromiseLike<Streamable<{ px: number }>>
    >();
    expectTypeOf<Parameters<H['sum']>[0]>().toEqualTypeOf<AsyncIterable<number>>();
    expectTypeOf<Parameters<H['stop']>[0]>().toEqualTypeOf<undefined>();
    expectTypeOf<keyof H>().toEqualTypeOf<
      'add' | 'ticks' | 'log' | 'price' | 'sum' | 'both' | 'stop' | 'ping'
    >();
  });

  it('are written without a type', () => {
    const handlers: Handlers<typeof calc> = {
      add: ({ a, b }, { errors }) => {
        const overflow = errors.OVERFLOW({ limit: 5 });
        expectTypeOf(overflow).toEqualTypeOf<DeclaredError<'OVERFLOW', { limit: number }>>();
        expectTypeOf(errors.CLOSED()).toEqualTypeOf<DeclaredError<'CLOSED', undefined>>();
        // @ts-expect-error: the data is a number.
        const wrong = () => errors.OVERFLOW({ limit: '5' });
        // @ts-expect-error: there is no such error.
        const unknown = () => errors.UNDERFLOW();
        void [wrong, unknown];
        return a + b;
      },
      async *ticks({ sym }, { signal }) {
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        yield { px: sym.length };
      },
      log: (line) => void line.trim(),
      price: async (sym) => BigInt(sym.length),
      async sum(numbers) {
        let sum = 0;
        for await (const one of numbers) sum += one;
        return sum;
      },
      *both() {
        yield 'a';
      },
      async stop() {},
      ping(input, context) {
        expectTypeOf(input).toEqualTypeOf<undefined>();
        // biome-ignore lint/complexity/noBannedTypes: no errors.
        expectTypeOf(context).toEqualTypeOf<Context<{}>>();
      },
    };
    expect(Object.keys(handlers)).toHaveLength(8);
  });

  it('are refused where one is missing, unknown or of another type', () => {
    const small = defineService({ name: 'small', methods: { one: method({ output: f64() }) } });
    type Small = Handlers<typeof small>;
    // @ts-expect-error: one is missing.
    const missing: Small = {};
    // @ts-expect-error: there is no method two.
    const more: Small = { one: () => 1, two: () => 2 };
    // @ts-expect-error: a string is no number.
    const wrong: Small = { one: () => '1' };
    // @ts-expect-error: a method that streams needs something to iterate over.
    const none: Pick<Handlers<typeof calc>, 'ticks'> = { ticks: () => ({ px: 1 }) };
    void [missing, more, wrong, none];
  });
});

describe('the client of a service', () => {
  it('has a function for each method', () => {
    expectTypeOf<typeof client.add>().toEqualTypeOf<(input: Sum, options?: CallOptions) => Promise<number>>();
    expectTypeOf<typeof client.price>().returns.toEqualTypeOf<Promise<bigint>>();
    expectTypeOf<typeof client.log>().returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf<typeof client.ticks>().returns.toEqualTypeOf<AnswerStream<{ px: number }>>();
    expectTypeOf<typeof client.sum>().parameter(0).toEqualTypeOf<Streamable<number>>();
    expectTypeOf<typeof client.both>().returns.toEqualTypeOf<AnswerStream<string>>();
    expectTypeOf<typeof client.stop>().toEqualTypeOf<(options?: CallOptions) => Promise<void>>();
    const calls = async () => {
      await client.add({ a: 1, b: 2 }, { timeout: 5, signal: undefined });
      await client.sum([1, 2, 3]);
      await client.sum(
        (async function* () {
          yield 1;
        })(),
      );
      for await (const { px } of client.ticks({ sym: 'A' })) expectTypeOf(px).toEqualTypeOf<number>();
      await client.ticks({ sym: 'A' }).finished;
      await client.ping();
      // @ts-expect-error: b is missing.
      await client.add({ a: 1 });
      // @ts-expect-error: there is no such method.
      await client.subtract({ a: 1, b: 2 });
      // @ts-expect-error: there is no such option.
      await client.add({ a: 1, b: 2 }, { timeOut: 5 });
      await client.$close();
    };
    expectTypeOf(calls).returns.toEqualTypeOf<Promise<void>>();
  });

  it('asks all servers, and knows them', () => {
    type All = typeof client.$all;
    expectTypeOf<ReturnType<All['add']>>().toEqualTypeOf<Promise<readonly AnswerOf<number>[]>>();
    expectTypeOf<ReturnType<All['ticks']>>().toEqualTypeOf<
      Promise<readonly AnswerOf<AnswerStream<{ px: number }>>[]>
    >();
    expectTypeOf<keyof All>().toEqualTypeOf<'add' | 'ticks' | 'log' | 'price' | 'stop' | 'ping'>();
    expectTypeOf<typeof client.$servers>().toEqualTypeOf<readonly ServerInfo[]>();
  });

  it('passes a call on within another one', () => {
    const handlers: Pick<Handlers<typeof calc>, 'price'> = {
      price: async (_sym, within) => BigInt(await client.add({ a: 1, b: 2 }, { within })),
    };
    void handlers;
  });
});

describe('declared errors', () => {
  it('are told apart by their codes', () => {
    const look = (error: unknown): unknown => {
      if (calc.isError(error, 'CLOSED')) return expectTypeOf(error.data).toEqualTypeOf<undefined>();
      if (calc.isError(error, 'OVERFLOW', 'add')) {
        return expectTypeOf(error.data).toEqualTypeOf<{ limit: number }>();
      }
      if (calc.isError(error, 'OVERFLOW')) {
        return expectTypeOf(error.data).toEqualTypeOf<string | { limit: number }>();
      }
      // @ts-expect-error: no method declares it.
      if (calc.isError(error, 'UNDERFLOW')) return 1;
      // @ts-expect-error: price does not declare it.
      if (calc.isError(error, 'CLOSED', 'price')) return 2;
      // @ts-expect-error: there is no such method.
      return calc.isError(error, 'OVERFLOW', 'subtract');
    };
    expect(look(new Error('another'))).toBe(false);
  });

  it('are a union by their codes', () => {
    const dataOf = (error: unknown): number => {
      if (!calc.isError(error)) return 0;
      switch (error.code) {
        case 'CLOSED':
          return 1;
        case 'OVERFLOW':
          expectTypeOf(error.data).toEqualTypeOf<string | { limit: number }>();
          return typeof error.data === 'string' ? error.data.length : error.data.limit;
      }
    };
    expect(dataOf(new Error('another'))).toBe(0);
  });

  it('of a service without any are none', () => {
    const bare = defineService({ name: 'bare', methods: { one: method({ input: unknown() }) } });
    const error: unknown = new Error('another');
    if (bare.isError(error)) expectTypeOf(error).toEqualTypeOf<never>();
    expect(bare.isError(error)).toBe(false);
  });
});

it('mistakes in a definition are found by the compiler', () => {
  const wrong = [
    // @ts-expect-error: no such option.
    () => method({ inputs: f64() }),
    // @ts-expect-error: a plain object is no shape.
    () => method({ input: { a: f64() } }),
    // @ts-expect-error: what is not there is left out.
    () => method({ input: nothing() }),
    // @ts-expect-error: a stream has values.
    () => method({ output: stream(nothing()) }),
    // @ts-expect-error: an error is no stream.
    () => method({ output: f64(), errors: { E: stream(f64()) } }),
    // @ts-expect-error: idempotent is true or false.
    () => method({ output: f64(), idempotent: 'yes' }),
  ];
  // @ts-expect-error: a method is made by method().
  expect(() => defineService({ name: 'a', methods: { one: { output: f64() } } })).toThrow('write method(');
  // @ts-expect-error: no such option.
  expect(() => defineService({ name: 'a', methods: { one: method({}) }, scope: 'user' })).toThrow('"scope"');
  expect(wrong).toHaveLength(6);
});
