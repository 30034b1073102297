import { type ExportRoute, type ImportRoute, openBridge } from '@mmfbus/nats';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Told } from '../partner.js';
import { type BridgeJob, type Direction, type Engine, subjectOf } from './bridge-job.js';
import { exportByHand, importByHand } from './by-hand-core.js';
import { exportByHandToStream, importByHandFromStream } from './by-hand-stream.js';

/** Begins to carry messages; what it returns ends that. */
type Carry = (job: BridgeJob, connection: NatsConnection) => Promise<() => Promise<void>>;

const byHand: Readonly<Record<Engine, Readonly<Record<Direction, Carry>>>> = {
  core: { export: exportByHand, import: importByHand },
  stream: { export: exportByHandToStream, import: importByHandFromStream },
};

/** A bridge with one route. Publishers wait for it, as they do for the loop: messages that are lost would be cheap. */
const byBridge: Carry = async (job, connection) => {
  const { direction, engine, folder, name } = job;
  const stream = engine === 'stream' ? name : undefined;
  const exported: ExportRoute = { export: name, to: subjectOf(job), whenBehind: 'wait', stream };
  const imported: ImportRoute = { import: subjectOf(job), into: name, stream };
  const bridge = await openBridge(connection, [direction === 'export' ? exported : imported], { folder });
  for (const event of ['gap', 'refused', 'trouble'] as const) {
    bridge.on(event, (what: unknown) => {
      throw new Error(`${event}: ${JSON.stringify(what)}`);
    });
  }
  return () => bridge.close();
};

/** The process between: says its processor time, microseconds, as often as it is asked. */
export async function carry(job: BridgeJob, say: (line: string) => void, told: Told): Promise<void> {
  const { carrier, direction, engine, port } = job;
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  const end = await (carrier === 'bridge' ? byBridge : byHand[engine][direction])(job, connection);
  // The server has read what is subscribed to.
  await connection.flush();
  say('ready');
  while ((await told.line()) !== undefined) {
    const { user, system } = process.cpuUsage();
    say(`${user + system}`);
  }
  await end();
  await connection.close();
}
