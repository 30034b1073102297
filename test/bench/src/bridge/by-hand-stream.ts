import type { Message } from '@mmfbus/channel';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { type BridgeJob, subjectOf } from './bridge-job.js';
import { HeaderText } from './by-hand-core.js';
import { channelOf } from './message.js';

/** Messages that are not acknowledged yet, at most; and those that the server may send ahead: as a bridge has it. */
const UNACKNOWLEDGED = 256;
const AHEAD = 512;

/**
 * From a channel to a stream: a listener that publishes by the client's `publish()` of JetStream, which waits for the acknowledgement, and
 * that is taken away while as many are under way as a bridge has. It does not publish again what is not acknowledged.
 */
export async function exportByHandToStream(
  job: BridgeJob,
  connection: NatsConnection,
): Promise<() => Promise<void>> {
  const client = jetstream(connection);
  const subscriber = await channelOf(job).subscriber({ delivery: 'reliable' });
  const { incarnation } = subscriber.position;
  const subject = `${subjectOf(job)}.${incarnation}`;
  const text = new HeaderText(incarnation);
  let underWay = 0;
  let listens = true;
  const onMessage = (message: Message<Uint8Array>) => {
    const fields = headers();
    fields.set('Mmfbus', text.of(message));
    void publish(message.value, `${subject}-${message.sequence}`, fields);
  };
  const publish = async (value: Uint8Array, msgID: string, fields: ReturnType<typeof headers>) => {
    if (++underWay === UNACKNOWLEDGED) {
      listens = false;
      subscriber.off('message', onMessage);
    }
    await client.publish(subject, value, { headers: fields, msgID });
    if (--underWay > UNACKNOWLEDGED / 2 || listens) return;
    listens = true;
    subscriber.on('message', onMessage);
  };
  subscriber.on('message', onMessage);
  return () => subscriber.close();
}

/**
 * From a stream to a channel: a durable consumer, and each message acknowledged when it is published, as the client's documentation does
 * it. Without an acknowledgement or a checkpoint, as a bridge has it, the loop would not know where it was.
 */
export async function importByHandFromStream(
  job: BridgeJob,
  connection: NatsConnection,
): Promise<() => Promise<void>> {
  const publisher = await channelOf(job).publisher();
  const manager = await jetstreamManager(connection);
  const stream = job.name;
  await manager.consumers.add(stream, {
    durable_name: 'by-hand',
    ack_policy: AckPolicy.Explicit,
    filter_subject: `${subjectOf(job)}.*`,
    mem_storage: true,
  });
  const consumer = await jetstream(connection).consumers.get(stream, 'by-hand');
  const messages = await consumer.consume({ max_messages: AHEAD });
  const carry = async () => {
    for await (const message of messages) {
      if (publisher.tryPublish(message.data) !== 'published') await publisher.publish(message.data);
      message.ack();
    }
  };
  const carried = carry();
  return async () => {
    messages.stop();
    await carried;
    await publisher.close();
  };
}
