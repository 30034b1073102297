import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Dealer, Pull, Push, Subscriber, XPublisher } from 'zeromq';
import type { Job } from '../job.js';
import { encodingOf } from './encoding.js';
import type { Consumer, Peer, Producer } from './peer.js';

function addressOf({ folder, name }: Job, direction: 'there' | 'back'): string {
  return `ipc://${join(folder, `${name}.${direction}`)}`;
}

interface Sending {
  /** Resolves when the socket took it. */
  send(bytes: Buffer): Promise<void>;
  /** Resolves when all consumers are there. */
  readonly ready: () => Promise<void>;
  close(): void;
}

/** One consumer: push and pull, which wait when the queue is full. */
async function openPush(job: Job): Promise<Sending> {
  const push = new Push({ linger: 0 });
  await push.bind(addressOf(job, 'there'));
  return { send: (bytes) => push.send(bytes), ready: async () => {}, close: () => push.close() };
}

/** Several: publish and subscribe. Without noDrop it throws away what a subscriber does not take; with it, it refuses. Without
 * verbosity it tells of the first subscriber alone. */
async function openPublisher(job: Job): Promise<Sending> {
  const publisher = new XPublisher({ noDrop: true, linger: 0, verbosity: 'allSubs' });
  await publisher.bind(addressOf(job, 'there'));
  let subscribed = 0;
  return {
    send: async (bytes) => {
      for (;;) {
        try {
          return await publisher.send(bytes);
        } catch (error) {
          if ((error as { code?: string }).code !== 'EAGAIN') throw error;
          await nextTurn();
        }
      }
    },
    ready: async () => {
      for (; subscribed < job.consumers; subscribed++) await publisher.receive();
    },
    close: () => publisher.close(),
  };
}

async function produce(job: Job, onReply: (message: unknown) => void): Promise<Producer> {
  const { encode, decode } = encodingOf(job);
  const sending = job.consumers === 1 ? await openPush(job) : await openPublisher(job);
  const replies = new Dealer({ linger: 0 });
  await replies.bind(addressOf(job, 'back'));
  void (async () => {
    for await (const [message] of replies) if (message !== undefined) onReply(decode(message));
  })().catch(() => {});
  let last: Promise<void> | undefined;
  return {
    send: (message) => {
      // A socket takes one at a time.
      last = sending.send(encode(message));
      return false;
    },
    drained: async () => {
      await sending.ready();
      await last;
    },
    close: async () => {
      sending.close();
      replies.close();
    },
  };
}

async function consume(job: Job, onMessage: (message: unknown) => void): Promise<Consumer> {
  const { encode, decode } = encodingOf(job);
  const receiving = job.consumers === 1 ? new Pull() : new Subscriber();
  receiving.connect(addressOf(job, 'there'));
  if (receiving instanceof Subscriber) receiving.subscribe();
  const replies = new Dealer({ linger: 0 });
  replies.connect(addressOf(job, 'back'));
  void (async () => {
    for await (const [message] of receiving) if (message !== undefined) onMessage(decode(message));
  })().catch(() => {});
  return {
    reply: (message) => void replies.send(encode(message)),
    close: async () => {
      receiving.close();
      replies.close();
    },
  };
}

export const zeromq: Peer = { produce, consume };
