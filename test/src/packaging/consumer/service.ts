// A user's program that lives by the types of a service. It is compiled, and not run.
import { f64, string, struct } from '@mmfbus/codec';
import {
  type Client,
  defineService,
  type Handlers,
  method,
  nothing,
  type Service,
  stream,
} from '@mmfbus/service';

export function useTypes(): readonly unknown[] {
  const calc = defineService({
    name: 'calc',
    methods: {
      add: method({
        input: struct({ a: f64(), b: f64() }),
        output: f64(),
        errors: { OVERFLOW: struct({ limit: f64() }) },
      }),
      ticks: method({ input: struct({ sym: string() }), output: stream(struct({ px: f64() })) }),
      sum: method({ input: stream(f64()), output: f64() }),
      log: method({ input: string() }),
      stop: method({ output: nothing() }),
    },
  });

  const name: Service<typeof calc.methods>['name'] = calc.name;

  const handlers: Handlers<typeof calc> = {
    add({ a, b }, { errors, deadline }) {
      if (a + b > deadline) throw errors.OVERFLOW({ limit: 5 });
      return a + b;
    },
    async *ticks({ sym }, { signal }) {
      while (!signal.aborted) yield { px: sym.length };
    },
    async sum(numbers) {
      let sum = 0;
      for await (const one of numbers) sum += one;
      return sum;
    },
    log: (line) => void line.trim(),
    stop: async () => {},
  };

  // @ts-expect-error: handlers are missing
  const few: Handlers<typeof calc> = { stop: async () => {} };

  async function useClient(client: Client<typeof calc>): Promise<number> {
    const signal = AbortSignal.timeout(1000);
    await client.stop({ timeout: 100 });
    await client.log('a line', { signal });
    for await (const { px } of client.ticks({ sym: 'A' })) return px;
    // @ts-expect-error: b is missing
    await client.add({ a: 1 });
    const [first] = await client.$all.add({ a: 1, b: 2 });
    if (first?.status === 'fulfilled') return first.value + first.server.pid;
    try {
      return (await client.add({ a: 1, b: 2 })) + (await client.sum([1, 2])) + client.$servers.length;
    } catch (error) {
      if (calc.isError(error, 'OVERFLOW')) return error.data.limit;
      throw error;
    } finally {
      await client.$close();
    }
  }

  async function runBoth(): Promise<number> {
    const server = await calc.serve(handlers, { name: 'one', concurrency: 8, queue: 64 });
    const client = await calc.client({ waitForServer: 2000, timeout: 500, moveAfter: 100 });
    const sum = await useClient(client);
    // @ts-expect-error: there is no such option
    await calc.serve(handlers, { parallel: 8 });
    await server.drain({ timeout: 1000 });
    const { reason } = await server.closed;
    return reason === 'local' ? sum : server.outstanding;
  }
  return [name, handlers, few, useClient, runBoth];
}
