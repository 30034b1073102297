import type { Carrier, Direction, Engine } from '../bridge/bridge-job.js';
import { measureBridge } from '../run.js';
import { type Subject, scaled } from './subject.js';

/** Messages a second at the steady rate: far below what any of them can carry. */
const RATE = 2000;
const PACED = 4000;
/** Messages that go as fast as they are taken. As many come before. */
const amounts: Readonly<Record<Engine, number>> = { core: 200_000, stream: 30_000 };
const names: Readonly<Record<Engine, string>> = { core: 'core NATS', stream: 'JetStream' };

/** What the values of that carrier are named after. */
export function bridgeName(direction: Direction, engine: Engine, carrier: Carrier): string {
  const way = direction === 'export' ? `to ${names[engine]}` : `from ${names[engine]}`;
  return `bridge, ${way}: ${carrier === 'bridge' ? 'a route' : carrier}`;
}

function carried(direction: Direction, engine: Engine, carrier: Carrier): Subject {
  const name = bridgeName(direction, engine, carrier);
  const peer = engine === 'core' ? 'NATS' : 'JetStream';
  return {
    name,
    peer,
    measure: async (signal, scale) => {
      const messages = amounts[engine];
      const { throughput, cpu, pacedCpu, p50, p99 } = await measureBridge(
        {
          ...{ direction, engine, carrier },
          // Not fewer before where fewer are measured: compiling takes what it takes.
          warmUp: messages,
          messages: scaled(messages, scale),
          paced: scaled(PACED, scale),
          rate: RATE,
        },
        peer,
        signal,
      );
      return [
        { name, unit: 'messages/s', value: throughput },
        { name: `${name}, processor time`, unit: 'ns', value: cpu },
        { name: `${name}, processor time at ${RATE}/s`, unit: 'ns', value: pacedCpu },
        { name: `${name}, p50`, unit: 'ns', value: p50 },
        { name: `${name}, p99`, unit: 'ns', value: p99 },
      ];
    },
  };
}

/** A bridge against a loop that is written by hand, both ways; each next to what it is compared with. */
export const bridge: readonly Subject[] = (['core', 'stream'] as const).flatMap((engine) =>
  (['export', 'import'] as const).flatMap((direction) =>
    (['by hand', 'bridge'] as const).map((carrier) => carried(direction, engine, carrier)),
  ),
);
