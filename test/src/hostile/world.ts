import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Channel,
  ChannelError,
  defineChannel,
  type Publisher,
  type Subscriber,
  type SubscriberOptions,
} from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { MmfError } from '@mmfbus/core';
import type { Random } from '../support/random.js';
import { Attacker } from './attacker.js';
import { makeMessage } from './messages.js';
import { Violation, Witness } from './witness.js';

/** Turns of the event loop that a call may wait for a lock which the attacker holds in another participant's name. */
const PATIENCE = 20;
/** Large messages on their way at a time. So many may have begun before the first frame that a subscriber reads. */
const MOST_WAITING = 4;
const LARGEST_SMALL = 300;
const LARGEST = 6000;

interface Reading {
  readonly subscriber: Subscriber<Uint8Array>;
  readonly witness: Witness;
}

/** One channel with every process that uses it, and an attacker in this process. */
export class World {
  readonly #random: Random;
  readonly #channel: Channel<Uint8Array>;
  readonly #attacker: Attacker;
  readonly #publishers: Publisher<Uint8Array>[] = [];
  readonly #readings: Reading[] = [];
  readonly #waiting = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #ids = 0;
  #names = 0;
  /** Messages that were taken and good, and how often subscribers were told that something is wrong. */
  readonly totals = { taken: 0, warnings: 0, refusals: 0 };

  private constructor(random: Random, channel: Channel<Uint8Array>, attacker: Attacker) {
    this.#random = random;
    this.#channel = channel;
    this.#attacker = attacker;
  }

  static async open(name: string, random: Random): Promise<World> {
    const capacity = [4096, 8192, 32_768][random(3)] as number;
    const history = random(3) === 0 ? 1 + random(4) : 0;
    const channel = defineChannel({
      name,
      capacity,
      codec: raw(),
      maxParticipants: 8,
      history,
      ...(history === 0 ? { maxMessage: 10_000 } : { maxMessage: LARGEST_SMALL }),
    });
    const first = await channel.publisher();
    const world = new World(random, channel, new Attacker(name, random));
    world.#publishers.push(first);
    await world.#join();
    await world.#join();
    await world.#subscribe({ delivery: 'reliable' });
    await world.#subscribe({ delivery: 'lossy' });
    return world;
  }

  /** One attack, and some work of every process. */
  async step(attack: () => void): Promise<void> {
    attack();
    const random = this.#random;
    for (let count = 2 + random(8); count > 0; count--) this.#work(random(8));
    if (random(16) === 0) await nextTurn();
    if (random(60) === 0) await this.#comeOrGo();
  }

  /** A mutation by the attacker of this process. */
  mutate(): string {
    return this.#attacker.mutate();
  }

  /** Says that another process writes into the ring. */
  expectSpoiltRing(): void {
    this.#attacker.hasSpoiltRing = true;
  }

  async close(): Promise<void> {
    this.#stop.abort(new ChannelError('CLOSED', this.#channel.name, 'the end'));
    for (const publisher of this.#publishers) await this.#patiently(publisher.close());
    await Promise.all(this.#waiting);
    this.#attacker.close();
    for (const { subscriber, witness } of this.#readings) {
      await subscriber.close();
      this.totals.taken += witness.taken;
      this.totals.warnings += witness.warnings;
    }
  }

  #work(what: number): void {
    const random = this.#random;
    const publisher = this.#publishers[random(this.#publishers.length)];
    if (what < 3) this.#attempt(() => publisher?.tryPublish(this.#message(LARGEST_SMALL)));
    else if (what === 3)
      this.#attempt(() => publisher?.tryPublishAll([this.#message(40), this.#message(40)]));
    else if (what === 4 && this.#waiting.size < MOST_WAITING) this.#publishLarge(publisher);
    else this.#read(random(this.#readings.length));
  }

  #publishLarge(publisher: Publisher<Uint8Array> | undefined): void {
    if (publisher === undefined) return;
    const published = publisher
      .publish(this.#message(LARGEST), { signal: this.#stop.signal })
      .then(
        () => {},
        (error: unknown) => this.#expectCode(error),
      )
      .finally(() => this.#waiting.delete(published));
    this.#waiting.add(published);
  }

  #read(index: number): void {
    const reading = this.#readings[index];
    if (reading === undefined) return;
    const { subscriber, witness } = reading;
    if (!subscriber.isOpen) return;
    this.#attempt(() => subscriber.poll((message) => witness.take(message), 1 + this.#random(100)));
  }

  async #comeOrGo(): Promise<void> {
    const random = this.#random;
    const closed = this.#readings.findIndex(({ subscriber }) => !subscriber.isOpen);
    if (closed >= 0 || random(2) === 0) {
      const [reading] = this.#readings.splice(Math.max(0, closed), 1);
      await reading?.subscriber.close();
      if (reading !== undefined) {
        this.totals.taken += reading.witness.taken;
        this.totals.warnings += reading.witness.warnings;
      }
      const start = (['latest', 'earliest', 'history'] as const)[random(3)];
      await this.#subscribe({ delivery: random(2) === 0 ? 'reliable' : 'lossy', start });
    } else {
      const [publisher] = this.#publishers.splice(random(this.#publishers.length), 1);
      if (publisher !== undefined) await this.#patiently(publisher.close());
      await this.#join();
    }
  }

  async #join(): Promise<void> {
    const slowSubscribers = this.#random(3) === 0 ? 'disconnect' : 'wait';
    const publisher = await this.#patiently(this.#channel.publisher({ slowSubscribers, open: 'open' }));
    if (publisher !== undefined) this.#publishers.push(publisher);
  }

  async #subscribe(options: SubscriberOptions): Promise<void> {
    const subscriber = await this.#patiently(this.#channel.subscriber({ ...options, open: 'open' }));
    if (subscriber === undefined) return;
    const label = `${options.delivery} ${++this.#names}`;
    const ledger = {
      wasPublished: (id: number) => id > 0 && id <= this.#ids,
      mayBeSpoilt: () => this.#attacker.hasSpoiltRing,
    };
    this.#readings.push({ subscriber, witness: new Witness(label, ledger, subscriber, MOST_WAITING) });
  }

  #message(most: number): Uint8Array {
    return makeMessage(this.#random, ++this.#ids, most);
  }

  #attempt(action: () => unknown): void {
    try {
      action();
    } catch (error) {
      this.#expectCode(error);
    }
  }

  /** What it resolves with; undefined when it is refused. Frees the lock when that is what it waits for. */
  async #patiently<R>(promise: Promise<R>): Promise<R | undefined> {
    let settled = false;
    const result = promise
      .catch((error: unknown) => this.#expectCode(error))
      .finally(() => {
        settled = true;
      });
    for (let turns = 0; !settled; turns++) {
      await nextTurn();
      if (turns >= PATIENCE) this.#attacker.freeLock();
    }
    return result;
  }

  #expectCode(error: unknown): undefined {
    this.totals.refusals++;
    if (error instanceof Violation) throw error;
    if (error instanceof ChannelError || error instanceof MmfError) return undefined;
    throw new Violation(`an error that is not ours: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
