import { setTimeout as delay } from 'node:timers/promises';
import { ChannelError, monotonicNow, type Publisher } from '@mmfbus/channel';
import { channelOf, framePayload } from './channel-plan.js';
import type { Ledger } from './ledger.js';
import type { PublisherRole } from './life-plan.js';
import { makeMessage, SHORTEST } from './message.js';
import { Random } from './random.js';

/** Milliseconds after which a publisher that finds no room gives up, which is a fault: no process is stopped for so long. */
const STALLED = 20_000;
/** Milliseconds between two turns of publishing, unless the rate is too low for that. */
const TURN = 10;
const MOST_AT_ONCE = 8;
/** Bytes that a message takes beside its payload, at most. */
const FRAME_COST = 56;

/** Publishes until `end` aborts, then leaves. */
export async function runPublisher(
  role: PublisherRole,
  ledger: Ledger,
  end: AbortSignal,
  joined: () => void,
): Promise<void> {
  ledger.joinBegun(monotonicNow());
  const publisher = await channelOf(role.channel).publisher({ slowSubscribers: role.slowSubscribers });
  ledger.joined(monotonicNow(), publisher.position.incarnation);
  joined();
  const desk = new Desk(role, publisher, ledger, end);
  const messages = Math.max(1, (role.rate * TURN) / 1000);
  const pause = (messages / role.rate) * 1000;
  while (!end.aborted) {
    await desk.turn(Math.round(messages)).catch((error: unknown) => {
      if (!end.aborted) throw error;
    });
    await delay(pause, undefined, { signal: end }).catch(() => {});
  }
  if (role.drains) await publisher.drain({ timeout: STALLED });
  else await publisher.close();
}

/** Makes messages and publishes them in the style of its role, and writes down what it begins and what it knows. */
class Desk {
  readonly #role: PublisherRole;
  readonly #publisher: Publisher<Uint8Array>;
  readonly #ledger: Ledger;
  readonly #end: AbortSignal;
  readonly #random: Random;
  readonly #frame: number;
  /** Number of the last message that was published. */
  #done = 0;

  constructor(role: PublisherRole, publisher: Publisher<Uint8Array>, ledger: Ledger, end: AbortSignal) {
    this.#role = role;
    this.#publisher = publisher;
    this.#ledger = ledger;
    this.#end = end;
    this.#random = new Random(role.id);
    this.#frame = framePayload(role.channel);
  }

  /** Publishes about that many messages, or fewer where there is no room. */
  async turn(messages: number): Promise<void> {
    const { style } = this.#role;
    for (let left = messages; left > 0 && !this.#end.aborted; ) {
      const count = Math.min(
        left,
        style === 'batch' || style === 'pipelined' ? this.#random.whole(1, MOST_AT_ONCE) : 1,
      );
      this.#ledger.intend(this.#done + count);
      if (!(await this.#publish(count))) return;
      left -= count;
      if (style === 'large') return;
    }
  }

  /** False when there was no room. */
  async #publish(count: number): Promise<boolean> {
    const { style } = this.#role;
    const patience = { timeout: STALLED, signal: this.#end };
    if (style === 'pipelined') return this.#pipeline(count);
    if (style === 'batch') {
      const batch = Array.from({ length: count }, (_, index) => this.#make(index + 1, this.#batchLength()));
      if (this.#random.chance(0.5)) return this.#outcome(this.#publisher.tryPublishAll(batch), count);
      await this.#publisher.publishAll(batch, patience);
      return this.#outcome('published', count);
    }
    const length = style === 'large' ? this.#largeLength() : this.#length();
    const message = this.#make(1, length);
    if (style === 'sync') return this.#outcome(this.#publisher.tryPublish(message), 1);
    const impatient = style === 'impatient' || (style === 'large' && this.#random.chance(0.2));
    const timeout = impatient ? this.#random.whole(0, 4) : STALLED;
    try {
      await this.#publisher.publish(message, { ...patience, timeout });
    } catch (error) {
      // Given up before it was published: the next one has its number.
      if (impatient && error instanceof ChannelError && error.code === 'TIMEOUT') return false;
      throw error;
    }
    return this.#outcome('published', 1);
  }

  /** Begins with several without waiting for the first. */
  async #pipeline(count: number): Promise<boolean> {
    const first = this.#done;
    const calls = Array.from({ length: count }, async (_, index) => {
      const message = this.#make(index + 1, this.#length(), first);
      await this.#publisher.publish(message, { timeout: STALLED, signal: this.#end });
      this.#outcome('published', 1);
    });
    const failed = (await Promise.allSettled(calls)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    return true;
  }

  #outcome(outcome: 'published' | 'full' | 'busy', count: number): boolean {
    if (outcome !== 'published') return false;
    this.#done += count;
    this.#ledger.done(this.#done);
    return true;
  }

  #make(ahead: number, length: number, done = this.#done): Uint8Array {
    return makeMessage({ publisher: this.#role.id, counter: done + ahead, length, begun: monotonicNow() });
  }

  #length(): number {
    const most = this.#random.chance(0.05) ? this.#frame : Math.min(this.#frame, 150);
    return this.#random.whole(SHORTEST, most);
  }

  /** A batch takes at most a quarter of the ring. */
  #batchLength(): number {
    const most = this.#role.channel.capacity / 4 / MOST_AT_ONCE - FRAME_COST;
    return this.#random.whole(SHORTEST, Math.min(most, this.#frame, 300));
  }

  #largeLength(): number {
    return this.#random.whole(this.#frame + 1, this.#role.channel.maxMessage);
  }
}
