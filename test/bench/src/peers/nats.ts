import { connect } from '@nats-io/transport-node';
import type { Job } from '../job.js';
import { encodingOf } from './encoding.js';
import type { Consumer, Peer, Producer } from './peer.js';

/** A server drops a subscriber that is too far behind, so the sender waits for it after so many messages. */
const AHEAD = 1000;

async function produce(job: Job, onReply: (message: unknown) => void): Promise<Producer> {
  const { encode, decode } = encodingOf(job);
  const connection = await connect({ servers: `127.0.0.1:${job.port}` });
  connection.subscribe(`${job.name}.back`, { callback: (_, { data }) => onReply(decode(data)) });
  await connection.flush();
  let sent = 0;
  return {
    send: (message) => {
      connection.publish(`${job.name}.there`, encode(message));
      return ++sent % AHEAD !== 0;
    },
    drained: () => connection.flush(),
    close: () => connection.close(),
  };
}

async function consume(job: Job, onMessage: (message: unknown) => void): Promise<Consumer> {
  const { encode, decode } = encodingOf(job);
  const connection = await connect({ servers: `127.0.0.1:${job.port}` });
  connection.subscribe(`${job.name}.there`, { callback: (_, { data }) => onMessage(decode(data)) });
  await connection.flush();
  return {
    reply: (message) => connection.publish(`${job.name}.back`, encode(message)),
    close: () => connection.close(),
  };
}

export const nats: Peer = {
  produce,
  consume,
};
