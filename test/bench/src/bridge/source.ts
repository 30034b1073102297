import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, headers } from '@nats-io/transport-node';
import type { Told } from '../partner.js';
import { type BridgeJob, subjectOf, takenSubjectOf } from './bridge-job.js';
import { channelOf, makeMessage, nanoseconds } from './message.js';

/** Sends messages one after the other. */
interface Sender {
  /** A promise where it has to wait. */
  send(message: Uint8Array): Promise<unknown> | undefined;
  close(): Promise<void>;
}

/** Messages that are sent to NATS and have not arrived, at most: a server drops a subscriber that is too far behind. */
const AHEAD = 16_384;
/** Messages after which the event loop has its turn. */
const TURN = 128;
/** A channel of another machine. */
const INCARNATION = '00c0ffee00c0ffee';

async function toChannel(job: BridgeJob): Promise<Sender> {
  const publisher = await channelOf(job).publisher();
  return {
    send: (message) =>
      publisher.tryPublish(message) === 'published' ? undefined : publisher.publish(message),
    close: () => publisher.close(),
  };
}

/** As a bridge of another machine publishes them. */
async function toNats(job: BridgeJob): Promise<Sender> {
  const connection = await connect({ servers: `127.0.0.1:${job.port}` });
  const subject = `${subjectOf(job)}.${INCARNATION}`;
  let sent = 0;
  let taken = 0;
  connection.subscribe(takenSubjectOf(job), {
    callback: (_, message) => {
      taken = Number(message.string());
    },
  });
  await connection.flush();
  const untilTaken = async () => {
    do await nextTurn();
    while (sent - taken >= AHEAD);
  };
  return {
    send: (message) => {
      const fields = headers();
      const time = `${Date.now()}000000`;
      fields.set('Mmfbus', `1;${INCARNATION};${sent + 1};${sent};${time};raw;elsewhere`);
      connection.publish(subject, message, { headers: fields });
      return ++sent % TURN === 0 ? untilTaken() : undefined;
    },
    close: () => connection.close(),
  };
}

/** Sleeps as exactly as the system allows; timers of the event loop keep whole milliseconds. */
function sleepUntil(time: number): void {
  const left = (time - nanoseconds()) / 1e6;
  if (left > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left);
}

/** The first process: sends as many messages as it is told, as fast as they are taken or at a steady rate. */
export async function source(job: BridgeJob, say: (line: string) => void, told: Told): Promise<void> {
  const sender = await (job.direction === 'export' ? toChannel : toNats)(job);
  let number = 0;
  say('ready');
  for (;;) {
    const line = await told.line();
    if (line === undefined) break;
    const [count = 0, rate = 0] = line.split(' ').map(Number);
    const begin = nanoseconds();
    for (let index = 0; index < count; index++) {
      if (rate > 0) {
        await nextTurn();
        sleepUntil(begin + (index * 1e9) / rate);
      }
      const wait = sender.send(makeMessage(number++, rate > 0 ? nanoseconds() : 0));
      if (wait !== undefined) await wait;
    }
    say(`${begin}`);
  }
  await sender.close();
}
