import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import {
  ChannelError,
  type Gap,
  type Message,
  monotonicNow,
  type Position,
  type Subscriber,
} from '@mmfbus/channel';
import { channelOf } from './channel-plan.js';
import type { Ledger } from './ledger.js';
import type { SubscriberRole } from './life-plan.js';
import { readMessage } from './message.js';
import { Random } from './random.js';

/** Nanoseconds by which the clocks of two processes may differ. */
const CLOCK_SLACK = 1e6;
/** Milliseconds between two looks at whether anything came, and looks in vain that make a stall. */
const LOOK_EVERY = 30;
const LOOKS_IN_VAIN = 10;
const SLUGGISH_EVERY = 200;
const LONGEST_NAP = 12;

/** Tells of what must not happen. */
export type Fault = (text: string) => void;

/** Subscribes until `end` aborts, then leaves. */
export async function runSubscriber(
  role: SubscriberRole,
  after: Position | undefined,
  ledger: Ledger,
  end: AbortSignal,
  fault: Fault,
  joined: () => void,
): Promise<void> {
  ledger.joinBegun(monotonicNow());
  const subscriber = await join(role, after);
  if (subscriber === undefined) return;
  const reception = new Reception(role, subscriber, ledger, fault);
  ledger.joined(monotonicNow(), subscriber.position.incarnation);
  joined();
  await reception.run(end);
}

/** Undefined where the channel that it was to go on with is gone, and another one has its name. */
async function join(
  role: SubscriberRole,
  after: Position | undefined,
): Promise<Subscriber<Uint8Array> | undefined> {
  const { delivery, pollWindow, closeWithPublishers, channel } = role;
  const start = after !== undefined ? { after } : role.start === 'after' ? 'latest' : role.start;
  try {
    return await channelOf(channel).subscriber({ delivery, start, pollWindow, closeWithPublishers });
  } catch (error) {
    if (!channel.audited && error instanceof ChannelError && error.code === 'OTHER_INCARNATION')
      return undefined;
    throw error;
  }
}

/** Takes messages in the way of its role, checks each, and writes down what came. */
class Reception {
  readonly #role: SubscriberRole;
  readonly #subscriber: Subscriber<Uint8Array>;
  readonly #ledger: Ledger;
  readonly #fault: Fault;
  readonly #random: Random;
  /** An iterator hears of gaps before it has yielded what came before them. */
  readonly #gapsAhead: Gap[] = [];
  #untilNap = SLUGGISH_EVERY;

  constructor(role: SubscriberRole, subscriber: Subscriber<Uint8Array>, ledger: Ledger, fault: Fault) {
    this.#role = role;
    this.#subscriber = subscriber;
    this.#ledger = ledger;
    this.#fault = fault;
    this.#random = new Random(role.id);
    subscriber.on('gap', (gap) => {
      if (role.take === 'iterate') this.#gapsAhead.push(gap);
      else ledger.missed(gap.from, gap.count);
    });
    subscriber.on('error', (error) => fault(error.message));
    subscriber.on('close', ({ reason }) => this.#closed(reason));
  }

  async run(end: AbortSignal): Promise<void> {
    const looking = this.#lookForStalls();
    const taking = this.#take(end);
    if (!end.aborted && this.#subscriber.isOpen) await this.#endOf(end);
    clearInterval(looking);
    if (this.#role.drains) {
      this.#ledger.drainBegun(monotonicNow());
      await this.#subscriber.drain();
    } else {
      await this.#subscriber.close();
    }
    await taking;
    this.#recordGapsBefore(Number.POSITIVE_INFINITY);
  }

  /** Writes down when nothing came although the event loop turned: something may have been there, and the bell not rung. */
  #lookForStalls(): NodeJS.Timeout {
    let stall = { since: monotonicNow(), last: this.#ledger.last };
    let looks = 0;
    return setInterval(() => {
      looks++;
      const moved = this.#ledger.last !== stall.last;
      if (!moved && looks < LOOKS_IN_VAIN) return;
      if (!moved) this.#ledger.stalled(stall);
      stall = { since: monotonicNow(), last: this.#ledger.last };
      looks = 0;
    }, LOOK_EVERY).unref();
  }

  /** Waits until it is told to end, or ends by itself. */
  #endOf(end: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      end.addEventListener('abort', () => resolve(), { once: true });
      this.#subscriber.once('close', () => resolve());
    });
  }

  async #take(end: AbortSignal): Promise<void> {
    const subscriber = this.#subscriber;
    const { take } = this.#role;
    if (take === 'listen') subscriber.on('message', (message) => this.#record(message));
    else if (take === 'iterate') {
      for await (const message of subscriber) {
        this.#recordGapsBefore(message.sequence);
        this.#record(message);
      }
    } else {
      while (subscriber.isOpen && !end.aborted) {
        subscriber.poll((message) => this.#record(message), this.#random.whole(1, 300));
        await (this.#random.chance(0.5) ? nextTurn() : delay(this.#random.whole(1, 5)));
      }
    }
  }

  #recordGapsBefore(sequence: number): void {
    for (let gap = this.#gapsAhead[0]; gap !== undefined && gap.from < sequence; gap = this.#gapsAhead[0]) {
      this.#ledger.missed(gap.from, gap.count);
      this.#gapsAhead.shift();
    }
  }

  #record({ value, sequence, timestamp }: Message<Uint8Array>): void {
    const content = readMessage(value);
    if (typeof content === 'string') {
      this.#ledger.altered(sequence);
      this.#fault(`message ${sequence}: ${content}`);
      return;
    }
    this.#ledger.received(sequence, content.publisher, content.counter);
    if (timestamp < content.begun - CLOCK_SLACK) {
      this.#fault(`message ${sequence} was published ${content.begun - timestamp} ns before it was made`);
    }
    if (this.#role.sluggish && --this.#untilNap <= 0) this.#nap();
  }

  /** Does not even run its event loop. */
  #nap(): void {
    this.#untilNap = SLUGGISH_EVERY;
    const until = performance.now() + this.#random.whole(1, LONGEST_NAP);
    while (performance.now() < until);
  }

  #closed(reason: string): void {
    if (reason === 'local') return;
    this.#ledger.ended();
    const { closeWithPublishers, channel, delivery } = this.#role;
    const expected =
      ((reason === 'left' || reason === 'died') && closeWithPublishers) ||
      (reason === 'disconnected' && !channel.audited && delivery === 'reliable');
    if (!expected) this.#fault(`its subscription ended: ${reason}`);
  }
}
