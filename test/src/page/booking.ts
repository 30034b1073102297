// The service that the live page shows in tests and screenshots.
import { setTimeout as sleep } from 'node:timers/promises';
import { f64, oneOf, string, struct, u32 } from '@mmfbus/codec';
import { type Client, defineService, type Handlers, method, type Service, stream } from '@mmfbus/service';

const methods = {
  price: method({
    input: struct({ from: string(), to: string(), seats: u32() }),
    output: struct({ amount: f64(), currency: oneOf('EUR', 'USD') }),
    idempotent: true,
  }),
  book: method({
    input: struct({ flight: string(), seats: u32() }),
    output: struct({ reference: string() }),
    errors: { SOLD_OUT: struct({ left: u32() }) },
  }),
  delays: method({ input: string(), output: stream(struct({ flight: string(), minutes: u32() })) }),
  total: method({ input: stream(f64()), output: f64() }),
  note: method({ input: string() }),
};

export type Booking = Service<typeof methods>;

/** A service of that name. */
export function booking(name: string): Booking {
  return defineService({ name, methods });
}

/** Handlers that take some milliseconds. */
export function handlersOf(milliseconds: number): Handlers<Booking> {
  let taken = 0;
  const work = async (factor: number) => {
    if (milliseconds > 0) await sleep(milliseconds * factor * (0.6 + ((taken++ * 7) % 10) / 12));
  };
  return {
    price: async ({ from, seats }) => {
      await work(1);
      return { amount: 120.5 * seats, currency: from.startsWith('J') ? 'USD' : 'EUR' };
    },
    book: async ({ flight, seats }, { errors }) => {
      await work(3);
      if (seats > 8) throw errors.SOLD_OUT({ left: 8 });
      return { reference: `${flight}-${seats}` };
    },
    async *delays(flight, { signal }) {
      for (let minutes = 0; !signal.aborted; minutes += 5) {
        yield { flight, minutes };
        await work(2);
      }
    },
    total: async (amounts) => {
      let sum = 0;
      for await (const amount of amounts) sum += amount;
      return sum;
    },
    note: () => {},
  };
}

/** Calls as many times a second, each tenth time for more seats than there are. */
export async function callAgainAndAgain(client: Client<Booking>, perSecond: number): Promise<void> {
  const start = performance.now();
  for (let number = 1; ; ) {
    const due = ((performance.now() - start) / 1000) * perSecond;
    for (; number <= due; number++) {
      const call =
        number % 3 === 0
          ? client.book({ flight: `LH${400 + (number % 9)}`, seats: number % 10 === 0 ? 9 : 2 })
          : client.price({ from: number % 2 === 0 ? 'FRA' : 'JFK', to: 'LIS', seats: 1 + (number % 4) });
      // What has failed is shown by the server.
      call.catch(() => {});
    }
    await sleep(1000 / Math.min(perSecond, 50));
  }
}
