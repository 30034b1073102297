import { hostname } from 'node:os';
import { type Message, monotonicNow } from '@mmfbus/channel';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { type BridgeJob, subjectOf } from './bridge-job.js';
import { channelOf } from './message.js';

/** Bytes that are published before the server is asked to answer, and how many such questions it may owe: as a bridge has it. */
const WINDOW = 256 * 1024;
const MOST_WINDOWS = 2;
/** About what the protocol and the header take of each message. */
const OVERHEAD = 200;
/** Bytes that may wait for room in the channel: as a bridge has it. */
const MAX_WAITING = 16 * 2 ** 20;

/** What a header says of messages of a channel: parts that stay the same are put together once. */
export class HeaderText {
  readonly #before: string;
  readonly #behind: string = `;raw;${encodeURIComponent(hostname())}`;
  /** From the monotonic clock to microseconds since 1970. */
  readonly #difference: number = Date.now() * 1000 - monotonicNow() / 1000;
  #last = 0;

  constructor(incarnation: string) {
    this.#before = `1;${incarnation};`;
  }

  of({ sequence, timestamp }: Message<Uint8Array>): string {
    const time = `${Math.round(timestamp / 1000 + this.#difference)}000`;
    const text = `${this.#before}${sequence};${this.#last};${time}${this.#behind}`;
    this.#last = sequence;
    return text;
  }
}

/**
 * From a channel to core NATS, as one writes it with the client: a listener that publishes each message with a header of the client, and
 * is taken away while the server has not read what was published before. A `for await` loop takes more processor time.
 */
export async function exportByHand(job: BridgeJob, connection: NatsConnection): Promise<() => Promise<void>> {
  const subscriber = await channelOf(job).subscriber({ delivery: 'reliable' });
  const { incarnation } = subscriber.position;
  const subject = `${subjectOf(job)}.${incarnation}`;
  const text = new HeaderText(incarnation);
  let bytes = 0;
  let windows = 0;
  const ask = async () => {
    bytes = 0;
    if (++windows === MOST_WINDOWS) subscriber.off('message', onMessage);
    await connection.flush();
    if (windows-- === MOST_WINDOWS) subscriber.on('message', onMessage);
  };
  const onMessage = (message: Message<Uint8Array>) => {
    const fields = headers();
    fields.set('Mmfbus', text.of(message));
    connection.publish(subject, message.value, { headers: fields });
    bytes += message.value.length + OVERHEAD;
    if (bytes >= WINDOW) void ask();
  };
  subscriber.on('message', onMessage);
  return () => subscriber.close();
}

/**
 * From core NATS to a channel: each message is published where it comes, or waits in the publisher's line. It looks at no header, so unlike
 * a bridge it would notice neither that messages are missing nor that they come twice.
 */
export async function importByHand(job: BridgeJob, connection: NatsConnection): Promise<() => Promise<void>> {
  const publisher = await channelOf(job).publisher({ maxWaiting: MAX_WAITING });
  connection.subscribe(`${subjectOf(job)}.*`, {
    callback: (error, { data }) => {
      if (error !== null) throw error;
      if (publisher.tryPublish(data) !== 'published') void publisher.publish(data);
    },
  });
  return () => publisher.close();
}
