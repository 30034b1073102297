import { type Channel, defineChannel, MiB, type Publisher } from '@mmfbus/channel';
import { msgpack, raw } from '@mmfbus/codec';
import type { Job } from '../job.js';
import type { Consumer, Peer, Producer } from './peer.js';

const CAPACITY = 8 * MiB;

function channelOf(job: Job, direction: 'there' | 'back'): Channel<unknown> {
  const codec = job.load.kind === 'bytes' ? raw() : msgpack();
  return defineChannel<unknown>({
    name: `${job.name}-${direction}`,
    capacity: CAPACITY,
    codec: codec as never,
  });
}

class Sending {
  readonly #publisher: Publisher<unknown>;
  #waiting: Promise<void> | undefined;

  constructor(publisher: Publisher<unknown>) {
    this.#publisher = publisher;
  }

  send(message: unknown): boolean {
    try {
      if (this.#publisher.publish(message) === 'published') return true;
    } catch (error) {
      // Larger than a frame: that takes the waiting call.
      if ((error as { code?: string }).code !== 'TOO_LARGE') throw error;
    }
    this.#waiting = this.#publisher.publishAsync(message);
    return false;
  }

  async drained(): Promise<void> {
    await this.#waiting;
  }
}

async function produce(job: Job, onReply: (message: unknown) => void): Promise<Producer> {
  const publisher = await channelOf(job, 'there').publisher();
  const sending = new Sending(publisher);
  const replies = job.pattern === 'echo' ? await channelOf(job, 'back').subscriber() : undefined;
  replies?.on('message', onReply);
  return {
    send: (message) => sending.send(message),
    drained: () => sending.drained(),
    close: async () => {
      await publisher.close();
      await replies?.close();
    },
  };
}

async function consume(job: Job, onMessage: (message: unknown) => void): Promise<Consumer> {
  const subscriber = await channelOf(job, 'there').subscriber();
  const publisher = job.pattern === 'echo' ? await channelOf(job, 'back').publisher() : undefined;
  const sending = publisher && new Sending(publisher);
  subscriber.on('message', onMessage);
  return {
    reply: (message) => sending?.send(message),
    close: async () => {
      await subscriber.close();
      await publisher?.close();
    },
  };
}

export const mmfbus: Peer = { name: 'mmfbus', produce, consume };
