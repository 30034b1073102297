import { f64, string, struct, u32 } from '@mmfbus/codec';
import { defineService, type Handlers, method, nothing, type Service, stream } from '@mmfbus/service';
import { expect } from 'vitest';
import { startNode } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

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

/** The service that `test/native/calc_peer.*` serve and call, under that name. */
export function calc(name: string): Calc {
  return defineService({ name, methods });
}

/** What the peers print when they call. */
export const CALLED: readonly string[] = [
  'add 3',
  'OVERFLOW 100 as declared',
  'sum 5050',
  'tick AAPL 0',
  'tick AAPL 1',
  'tick AAPL 2',
];

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

/** Requires that a peer calls a server in Node. */
export async function requireCalling(program: string): Promise<void> {
  const service = calc(uniqueName('calc'));
  const logged: string[] = [];
  await using _server = await service.serve(calcHandlers(logged));
  const output = await startNode('call', { runtime: [program], args: [service.name] }).success();
  expect(output.trimEnd().split('\n')).toEqual(CALLED);
  expect(logged).toEqual(['hello']);
}

/**
 * Requires that a peer serves a client in Node, and one in its own language.
 *
 * @param name that its server has.
 */
export async function requireServing(program: string, name: string): Promise<void> {
  const service = calc(uniqueName('calc'));
  const server = startNode('serve', { runtime: [program], args: [service.name] });
  await server.waitForLine(/^ready$/);
  const client = await service.client();
  expect(await client.add({ a: 1, b: 2 })).toBe(3);
  const error = await client.add({ a: 101, b: 2 }).catch((thrown: unknown) => thrown);
  expect(service.isError(error, 'OVERFLOW') && error.data).toEqual({ limit: 100 });
  await client.log('hello');
  await client.reset();
  expect(await client.sum([1, 2, 3])).toBe(6);
  const ticks: unknown[] = [];
  for await (const tick of client.ticks({ symbol: 'A', count: 2 })) ticks.push(tick);
  expect(ticks).toEqual([
    { symbol: 'A', price: 0 },
    { symbol: 'A', price: 1 },
  ]);
  expect(client.$servers.map((one) => one.name)).toEqual([name]);
  const output = await startNode('call', { runtime: [program], args: [service.name] }).success();
  expect(output.trimEnd().split('\n')).toEqual(CALLED);
  await client.$close();
  server.endInput();
  expect((await server.success()).trimEnd().split('\n')).toEqual(['ready', 'log hello', 'log hello']);
}
