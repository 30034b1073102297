// A process of the stage that the live page shows: publishes, subscribes, serves and calls as its arguments say.
//
// Arguments, in any number: `publish:<channel>:<messages a second>:<name>`,
// `subscribe:<channel>:<reliable|lossy>:<milliseconds for each message>:<name>`, `serve:<service>:<milliseconds for each call>:<name>`,
// `call:<service>:<calls a second>:<name>`, `follow:<service>:<name>`, which reads a stream. Prints `ready` when it has joined all of them,
// and leaves them when its standard input ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, defineChannel } from '@mmfbus/channel';
import {
  array,
  boolean,
  f64,
  i16,
  oneOf,
  optional,
  string,
  struct,
  timestamp,
  u16,
  u32,
} from '@mmfbus/codec';
import { booking, callAgainAndAgain, handlersOf } from '../page/booking.js';

const flight = struct({ delay: i16(), distance: u16(), time: f64() });
const quote = struct({ symbol: string(), bid: f64(), ask: f64(), size: u32() });
const order = struct({
  id: u32(),
  side: oneOf('buy', 'sell'),
  symbol: string({ maxLength: 8 }),
  price: f64(),
  rush: boolean(),
  at: timestamp(),
  note: optional(string({ maxLength: 40 })),
  legs: array(struct({ venue: string(), size: u32() }), { maxItems: 4 }),
});
const reading = struct({ sensor: string(), celsius: f64() });

const SYMBOLS = ['AAPL', 'MSFT', 'NVDA', 'ASML', 'SAP', 'NOVO'];

interface Kind {
  readonly channel: (name: string) => Channel<never>;
  readonly value: (number: number) => unknown;
}

function kindOf(name: string): Kind {
  if (name.startsWith('quotes')) {
    return {
      channel: (name) => defineChannel({ name, schema: quote, capacity: 2 ** 20 }) as Channel<never>,
      value: (number) => {
        const bid = Math.round(18_000 + 500 * Math.sin(number / 40)) / 100;
        return {
          symbol: SYMBOLS[number % 6],
          bid,
          ask: Math.round(100 * bid + 2) / 100,
          size: 100 * (1 + (number % 9)),
        };
      },
    };
  }
  if (name.startsWith('orders')) {
    return {
      channel: (name) =>
        defineChannel({ name, schema: order, capacity: 2 ** 16, history: 10 }) as Channel<never>,
      value: (number) => ({
        id: number,
        side: number % 3 === 0 ? 'sell' : 'buy',
        symbol: SYMBOLS[number % 6],
        price: 180 + (number % 40) / 8,
        rush: number % 5 === 0,
        at: new Date(),
        legs: [{ venue: number % 2 === 0 ? 'XETR' : 'XNAS', size: 10 + (number % 7) * 5 }],
      }),
    };
  }
  if (name.startsWith('sensors')) {
    return {
      channel: (name) => defineChannel({ name, schema: reading, capacity: 2 ** 16 }) as Channel<never>,
      value: (number) => ({
        sensor: `hall-${1 + (number % 4)}`,
        celsius: 20 + Math.round(30 * Math.sin(number / 9)) / 10,
      }),
    };
  }
  return {
    channel: (name) => defineChannel({ name, schema: flight, capacity: 2 ** 18 }) as Channel<never>,
    value: (number) => ({
      delay: ((number * 37) % 181) - 20,
      distance: 90 + ((number * 131) % 2500),
      time: (number % 240) / 10,
    }),
  };
}

/** What is done at the end. */
const closing: (() => Promise<unknown>)[] = [];

async function publish(channel: string, perSecond: number, name: string): Promise<() => Promise<void>> {
  const kind = kindOf(channel);
  const publisher = await kind.channel(channel).publisher({ name });
  closing.push(() => publisher.close());
  return async () => {
    const start = performance.now();
    for (let number = 1; ; ) {
      const due = ((performance.now() - start) / 1000) * perSecond;
      for (; number <= due; number++) await publisher.publish(kind.value(number) as never);
      await sleep(1000 / Math.min(perSecond, 50));
    }
  };
}

async function subscribe(
  channel: string,
  delivery: 'reliable' | 'lossy',
  milliseconds: number,
  name: string,
): Promise<() => Promise<void>> {
  const subscriber = await kindOf(channel).channel(channel).subscriber({ name, delivery });
  closing.push(() => subscriber.close());
  return async () => {
    for await (const _ of subscriber) if (milliseconds > 0) await sleep(milliseconds);
  };
}

async function serve(service: string, milliseconds: number, name: string): Promise<() => Promise<void>> {
  const server = await booking(service).serve(handlersOf(milliseconds), { name });
  closing.push(() => server.close());
  return async () => {};
}

async function call(service: string, perSecond: number, name: string): Promise<() => Promise<void>> {
  const client = await booking(service).client({ name, waitForServer: 60_000 });
  closing.push(() => client.$close());
  return () => callAgainAndAgain(client, perSecond);
}

async function follow(service: string, name: string): Promise<() => Promise<void>> {
  const client = await booking(service).client({ name, waitForServer: 60_000 });
  closing.push(() => client.$close());
  return async () => {
    for await (const _ of client.delays('LH401', { timeout: Number.POSITIVE_INFINITY }));
  };
}

const running: (() => Promise<void>)[] = [];
for (const part of process.argv.slice(2)) {
  const [what, channel = '', ...rest] = part.split(':');
  if (what === 'serve') running.push(await serve(channel, Number(rest[0]), rest[1] ?? ''));
  else if (what === 'call') running.push(await call(channel, Number(rest[0]), rest[1] ?? ''));
  else if (what === 'follow') running.push(await follow(channel, rest[0] ?? ''));
  else if (what === 'publish') running.push(await publish(channel, Number(rest[0]), rest[1] ?? ''));
  else
    running.push(await subscribe(channel, rest[0] as 'reliable' | 'lossy', Number(rest[1]), rest[2] ?? ''));
}
process.stdin.on('end', async () => {
  await Promise.all(closing.map((close) => close()));
  process.exit();
});
process.stdin.resume();
console.log('ready');
await Promise.all(running.map((run) => run()));
