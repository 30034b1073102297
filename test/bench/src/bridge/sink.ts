import { connect, type Msg } from '@nats-io/transport-node';
import type { Told } from '../partner.js';
import { Arrivals } from './arrivals.js';
import { type BridgeJob, subjectOf, takenSubjectOf } from './bridge-job.js';
import { viewedChannelOf } from './message.js';

/** Messages after which the first process is told. */
const TOLD_AFTER = 1024;
/** What each header must look like, so that all carriers do the same. */
const HEADER = /^1;[0-9a-f]{16};\d+;\d+;\d{19};raw;[^;]+$/;

/** Takes messages, from NATS or from the channel; returns what ends that. */
async function receive(job: BridgeJob, arrivals: Arrivals): Promise<() => Promise<void>> {
  const connection = await connect({ servers: `127.0.0.1:${job.port}` });
  if (job.direction === 'export') {
    let isFirst = true;
    const check = ({ headers }: Msg) => {
      const text = headers?.get('Mmfbus') ?? '';
      if (!HEADER.test(text)) throw new Error(`a header is ${JSON.stringify(text)}`);
      isFirst = false;
    };
    connection.subscribe(`${subjectOf(job)}.*`, {
      callback: (_, message) => {
        if (isFirst) check(message);
        arrivals.take(message.data);
      },
    });
    await connection.flush();
    return () => connection.close();
  }
  const subscriber = await viewedChannelOf(job).subscriber();
  subscriber.on('message', ({ value }) => {
    arrivals.take(value);
    if (arrivals.count % TOLD_AFTER === 0) connection.publish(takenSubjectOf(job), `${arrivals.count}`);
  });
  return async () => {
    await subscriber.close();
    await connection.close();
  };
}

/** The last process: counts what arrives, as often and as much as it is told. */
export async function sink(job: BridgeJob, say: (line: string) => void, told: Told): Promise<void> {
  const arrivals = new Arrivals();
  const end = await receive(job, arrivals);
  say('ready');
  for (;;) {
    const line = await told.line();
    if (line === undefined) break;
    const [count = '', isTimed] = line.split(' ');
    const arrived = arrivals.wait(Number(count), isTimed === 'timed');
    say('waits');
    say(JSON.stringify(await arrived));
  }
  await end();
}
