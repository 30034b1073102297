import { type Channel, type ChannelOptions, defineChannel, type Publisher } from '@mmfbus/channel';
import { bytes, msgpack, raw } from '@mmfbus/codec';
import type { Job } from '../job.js';
import { messageKinds, type Numbered } from '../messages/index.js';
import type { Consumer, Peer, Producer } from './peer.js';

const MiB = 2 ** 20;

const CAPACITY: number = 8 * MiB;
/** Who carries messages of a MiB gives them more room than the usual. */
const LARGE_CAPACITY: number = 16 * MiB;
const LARGE: number = 1 * MiB;
/** A frame takes at most this part of the ring, with its header. */
const LARGEST_PART = 4;
const HEADER_LENGTH = 64;
/** Messages that are published with one commit, where they are. */
const BATCH = 100;

/** How objects are encoded; and whether bytes are given to the program as a view instead of in memory of their own. */
type Encoding = 'shape' | 'msgpackr' | 'views';

function capacityOf({ load }: Job): number {
  return load.kind === 'bytes' && load.length >= LARGE ? LARGE_CAPACITY : CAPACITY;
}

function channelOf(job: Job, direction: 'there' | 'back', encoding: Encoding): Channel<unknown> {
  const common = { name: `${job.name}-${direction}`, capacity: capacityOf(job) };
  if (job.load.kind === 'bytes') {
    if (encoding === 'views') {
      return defineChannel({ ...common, schema: bytes({ copy: false }) }) as Channel<unknown>;
    }
    const options: ChannelOptions<Uint8Array> = { ...common, codec: raw() };
    return defineChannel(options) as Channel<unknown>;
  }
  if (encoding === 'msgpackr') return defineChannel<unknown>({ ...common, codec: msgpack() });
  return defineChannel({ ...common, schema: messageKinds[job.load.of].schema }) as Channel<unknown>;
}

/** Publishes at once where that goes, and waits where it does not, as the README says. */
class Sending {
  readonly #publisher: Publisher<unknown>;
  readonly #large: boolean;
  #waiting: Promise<unknown> | undefined;

  /** @param large says that a message is larger than a frame may be, which takes the call that waits. */
  constructor(publisher: Publisher<unknown>, large: boolean) {
    this.#publisher = publisher;
    this.#large = large;
  }

  send(message: unknown): boolean {
    if (!this.#large && this.#publisher.tryPublish(message) === 'published') return true;
    this.#waiting = this.#publisher.publish(message);
    return false;
  }

  async drained(): Promise<void> {
    await this.#waiting;
  }
}

class SendingBatches {
  readonly #publisher: Publisher<unknown>;
  /** As the message is one object with another number each time, so are those of a batch. */
  readonly #batch: Numbered[] = [];
  #length = 0;

  constructor(publisher: Publisher<unknown>) {
    this.#publisher = publisher;
  }

  send(message: unknown): boolean {
    const numbered = message as Numbered;
    const own = this.#batch[this.#length];
    if (own === undefined) this.#batch.push({ ...numbered });
    else own.id = numbered.id;
    this.#length++;
    if (this.#length < BATCH) return true;
    if (this.#publisher.tryPublishAll(this.#batch) !== 'published') return false;
    this.#length = 0;
    return true;
  }

  async drained(): Promise<void> {
    if (this.#length > 0) await this.#publisher.publishAll(this.#batch.slice(0, this.#length));
    this.#length = 0;
  }
}

/** Whether a message is too large for one frame. */
function isLarge(job: Job): boolean {
  const { load } = job;
  return load.kind === 'bytes' && load.length + HEADER_LENGTH > capacityOf(job) / LARGEST_PART;
}

interface Way {
  readonly encoding: Encoding;
  /** Defaults to one by one. */
  readonly batches?: boolean;
  /** Whether messages say when they were published, as those of no other peer do. Defaults to false. */
  readonly timestamps?: boolean;
}

function mmfbusPeer({ encoding, batches = false, timestamps = false }: Way): Peer {
  async function produce(job: Job, onReply: (message: unknown) => void): Promise<Producer> {
    const publisher = await channelOf(job, 'there', encoding).publisher({ timestamps });
    const sending = batches ? new SendingBatches(publisher) : new Sending(publisher, isLarge(job));
    const replies = job.pattern === 'flood' ? undefined : await channelOf(job, 'back', encoding).subscriber();
    replies?.on('message', ({ value }) => onReply(value));
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
    const subscriber = await channelOf(job, 'there', encoding).subscriber();
    const publisher =
      job.pattern === 'flood' ? undefined : await channelOf(job, 'back', encoding).publisher({ timestamps });
    const sending = publisher && new Sending(publisher, isLarge(job));
    subscriber.on('message', ({ value }) => onMessage(value));
    return {
      reply: (message) => sending?.send(message),
      close: async () => {
        await subscriber.close();
        await publisher?.close();
      },
    };
  }

  return { produce, consume };
}

/** With the compiled shape of the object; bytes as they are. */
export const mmfbus: Peer = mmfbusPeer({ encoding: 'shape' });
/** With objects of which nothing is known beforehand. */
export const mmfbusDynamic: Peer = mmfbusPeer({ encoding: 'msgpackr' });
/** Bytes as views of what was read, valid in the handler. */
export const mmfbusViews: Peer = mmfbusPeer({ encoding: 'views' });
export const mmfbusBatches: Peer = mmfbusPeer({ encoding: 'shape', batches: true });
/** As publishers are unless told otherwise. */
export const mmfbusTimestamps: Peer = mmfbusPeer({ encoding: 'shape', timestamps: true });
