// One measurement of what carries messages between a channel and NATS; prints what it measured as one line of JSON.
import { jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { type Partner, say, startPartner, type Told, toldHere } from '../partner.js';
import type { Arrived } from './arrivals.js';
import { type BridgeJob, type BridgeMeasurement, subjectOf } from './bridge-job.js';
import { carry } from './carrier.js';
import { sink } from './sink.js';
import { source } from './source.js';

type Role = 'source' | 'carrier' | 'sink';

const roles: Readonly<
  Record<Role, (job: BridgeJob, say: (line: string) => void, told: Told) => Promise<void>>
> = { source, carrier: carry, sink };

/** What became of some messages. */
interface Passed extends Arrived {
  readonly begin: number;
  /** Of the carrier, microseconds. */
  readonly cpu: number;
}

/** The processes of one measurement, in the order in which they find each other. */
class Sides {
  readonly #partners = new Map<Role, Partner>();

  static async start({ direction }: BridgeJob): Promise<Sides> {
    const sides = new Sides();
    // Who opens the channel comes first.
    const order: Role[] =
      direction === 'export' ? ['source', 'sink', 'carrier'] : ['sink', 'carrier', 'source'];
    for (const role of order) sides.#partners.set(role, await startPartner(role));
    return sides;
  }

  /** Has that many messages sent, and waits until they have arrived. */
  async pass(count: number, rate: number): Promise<Passed> {
    const last = this.#at('sink');
    last.tell(rate > 0 ? `${count} timed` : `${count}`);
    await last.line();
    const before = await this.#cpu();
    this.#at('source').tell(`${count} ${rate}`);
    const arrived = JSON.parse(await last.line()) as Arrived;
    const cpu = (await this.#cpu()) - before;
    return { ...arrived, begin: Number(await this.#at('source').line()), cpu };
  }

  async end(): Promise<void> {
    for (const role of ['source', 'carrier', 'sink'] as const) await this.#at(role).end();
  }

  async #cpu(): Promise<number> {
    const carrier = this.#at('carrier');
    carrier.tell('cpu');
    return Number(await carrier.line());
  }

  #at(role: Role): Partner {
    return this.#partners.get(role) as Partner;
  }
}

/** In memory: what a disk takes is not the subject. */
async function createStream(job: BridgeJob): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${job.port}` });
  const { streams } = await jetstreamManager(connection);
  await streams.add({ name: job.name, subjects: [`${subjectOf(job)}.*`], storage: StorageType.Memory });
  await connection.close();
}

async function measure(job: BridgeJob): Promise<BridgeMeasurement> {
  const { engine, warmUp, messages, paced, rate } = job;
  if (engine === 'stream') await createStream(job);
  const sides = await Sides.start(job);
  await sides.pass(warmUp, 0);
  const fast = await sides.pass(messages, 0);
  // The way through sleeping and waking is to be compiled as well.
  await sides.pass(Math.ceil(paced / 4), rate);
  const steady = await sides.pass(paced, rate);
  await sides.end();
  return {
    throughput: (messages / (fast.end - fast.begin)) * 1e9,
    cpu: (fast.cpu * 1000) / messages,
    pacedCpu: (steady.cpu * 1000) / paced,
    p50: steady.p50,
    p99: steady.p99,
  };
}

const job = JSON.parse(process.argv[2] as string) as BridgeJob;
const told = toldHere();
if (told === undefined) say(JSON.stringify(await measure(job)));
else await roles[told.role as Role](job, say, told);
