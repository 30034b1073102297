import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Job } from '../job.js';
import { encodingOf } from './encoding.js';
import type { Consumer, Peer, Producer } from './peer.js';

/** Commands that are on their way before the sender waits for the last one. */
const AHEAD = 1000;

function open({ port }: Job): Redis {
  return new Redis({ port, host: '127.0.0.1' });
}

async function listen(job: Job, direction: string, onMessage: (bytes: Buffer) => void): Promise<Redis> {
  const connection = open(job);
  connection.on('messageBuffer', (_: Buffer, bytes: Buffer) => onMessage(bytes));
  await connection.subscribe(`${job.name}.${direction}`);
  return connection;
}

async function produce(job: Job, onReply: (message: unknown) => void): Promise<Producer> {
  const { encode, decode } = encodingOf(job);
  const replies = await listen(job, 'back', (bytes) => onReply(decode(bytes)));
  const connection = open(job);
  await once(connection, 'ready');
  let last: Promise<unknown> = Promise.resolve();
  let sent = 0;
  return {
    send: (message) => {
      last = connection.publish(`${job.name}.there`, encode(message));
      return ++sent % AHEAD !== 0;
    },
    drained: async () => {
      await last;
    },
    close: async () => {
      connection.disconnect();
      replies.disconnect();
    },
  };
}

async function consume(job: Job, onMessage: (message: unknown) => void): Promise<Consumer> {
  const { encode, decode } = encodingOf(job);
  const messages = await listen(job, 'there', (bytes) => onMessage(decode(bytes)));
  const connection = open(job);
  await once(connection, 'ready');
  return {
    reply: (message) => void connection.publish(`${job.name}.back`, encode(message)),
    close: async () => {
      messages.disconnect();
      connection.disconnect();
    },
  };
}

export const redis: Peer = {
  produce,
  consume,
};
