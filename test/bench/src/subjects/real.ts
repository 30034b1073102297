import type { Job } from '../job.js';
import type { MessageName } from '../messages/index.js';
import { limitOfRoundTrips } from './limit.js';
import { flood } from './one-way.js';
import { own } from './own.js';
import { roundTrip, WARM_UP_AT_RATE } from './round-trips.js';
import { type Subject, scaled } from './subject.js';

const MIB = 2 ** 20;

/** What mmfbus is compared with: the socket as those use it who want its throughput. */
export const RIVAL = 'Unix socket, gathered';

/** How many are measured, and come before: half a second's at least. */
interface Amounts {
  readonly schema: number;
  readonly noSchema: number;
  readonly rival: number;
}

const amounts: Readonly<Record<MessageName, Amounts>> = {
  quote: { schema: 4_000_000, noSchema: 2_000_000, rival: 1_000_000 },
  'order book': { schema: 1_000_000, noSchema: 600_000, rival: 150_000 },
  'log record': { schema: 2_000_000, noSchema: 700_000, rival: 400_000 },
  blob: { schema: 1_000_000, noSchema: 700_000, rival: 250_000 },
};

function oneWay(of: MessageName, peer: string, messages: number): Subject {
  return flood({
    name: `real, ${of}: ${peer}`,
    peer,
    load: { kind: 'object', of },
    messages,
    before: messages,
  });
}

const messages = Object.entries(amounts).flatMap(([name, { schema, noSchema, rival }]) => {
  const of = name as MessageName;
  return [oneWay(of, 'mmfbus', schema), oneWay(of, 'mmfbus, no shape', noSchema), oneWay(of, RIVAL, rival)];
});

/** Bytes of a length that is larger than most frames, and how many: as views, as copies, and those of the socket. */
const large: readonly (readonly [string, number, readonly [number, number, number]])[] = [
  ['1 MiB', MIB, [10_000, 1000, 500]],
  ['16 MiB', 16 * MIB, [64, 32, 32]],
];

const largeMessages = large.flatMap(([text, length, [views, copies, rival]]) => {
  const of = (peer: string, count: number) =>
    flood({
      name: `real, ${text}: ${peer}`,
      peer,
      load: { kind: 'bytes', length },
      messages: count,
      before: count,
    });
  return [of('mmfbus, views', views), of('mmfbus', copies), of(RIVAL, rival)];
});

function roundTrips(
  what: string,
  peers: Readonly<Record<string, number>>,
  how: {
    readonly of?: MessageName;
    readonly interval?: number;
    readonly cores?: Job['cores'];
    readonly before?: number;
  },
): Subject[] {
  const { interval = 0, ...others } = how;
  return Object.entries(peers).map(([peer, count]) =>
    roundTrip({
      ...others,
      name: `real, round trip ${what}: ${peer}`,
      peer,
      pattern: interval === OPEN_LOOP ? 'schedule' : 'echo',
      interval,
      messages: count,
      ...(interval === COLD ? { before: 10_000 } : {}),
      ...(interval === OPEN_LOOP ? { before: WARM_UP_AT_RATE } : {}),
      wanted: ['p50', 'p99'],
    }),
  );
}

/** Microseconds from one message to the next: one that does not wait for the one before, and one for which both sides sleep. */
const OPEN_LOOP = 10;
const COLD = 10_000;

const MANY = { mmfbus: 20_000, 'Unix socket': 5000 };

/** Messages as programs have them, on machines as they are. */
export const real: readonly Subject[] = [
  ...messages,
  oneWay('quote', 'mmfbus, batches', 4_000_000),
  ...largeMessages,
  ...roundTrips('on one core', MANY, { cores: 'one' }),
  ...roundTrips('beside a busy core', MANY, { cores: 'busy' }),
  ...roundTrips(
    'of an order book',
    { 'mmfbus, no shape': 20_000, 'Unix socket': 5000 },
    // Both sides encode and decode, and their code is compiled beside two programs that keep both cores busy.
    { of: 'order book', before: 20_000 },
  ),
  ...roundTrips('every 10 µs', { mmfbus: 20_000, 'Unix socket': 20_000 }, { interval: OPEN_LOOP }),
  ...roundTrips('cold', { mmfbus: 100, 'Unix socket': 100 }, { interval: COLD }),
  own({
    name: 'real, round trip by poll: mmfbus',
    what: 'busy',
    amount: (scale) => scaled(100_000, scale),
    units: { p50: 'ns', p99: 'ns' },
  }),
  limitOfRoundTrips,
];
