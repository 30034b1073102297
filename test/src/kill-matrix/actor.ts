// A process of the kill matrix for channels.
import { subscribe } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type {
  Channel,
  ChannelOptions,
  Publisher,
  PublisherOptions,
  PublishOutcome,
  Subscriber,
  SubscriberOptions,
} from '@mmfbus/channel';
import { abbreviate, expand, type Orders, type Point, type Stop } from './orders.js';
import { obeyOrders, say, standStill, steps } from './performing.js';

/** Between two looks, so that those that look leave the processor to the others. */
const PAUSE_MS = 2;
let recovered: string[] = [];

subscribe('mmfbus:recovered', (message) => recovered.push((message as { what: string }).what));
// After the hook is there.
const { defineChannel } = await import('@mmfbus/channel');

interface Listening {
  readonly subscriber: Subscriber<string>;
  readonly log: string[];
  listens: boolean;
  /** Called at the next entry of the log. */
  readonly waiting: (() => void)[];
}

function note({ log, waiting }: Listening, ...words: readonly unknown[]): void {
  log.push(words.join(' '));
  for (const wake of waiting.splice(0)) wake();
}

class Actor implements Orders {
  #channel: Channel<string> | undefined;
  #publisher: Publisher<string> | undefined;
  readonly #subscribers = new Map<string, Listening>();

  begin(directory: string, options: ChannelOptions<string>): void {
    process.env['MMFBUS_DIRECTORY'] = directory;
    recovered = [];
    steps.begin();
    // The directory has a lock and slots as well, whose steps are not what is asked for.
    this.#channel = defineChannel({ ...options, discoverable: false });
  }

  async openPublisher(options?: PublisherOptions): Promise<void> {
    this.#publisher = await this.#channel!.publisher({ pollWindow: 0, ...options });
  }

  incarnation(): string {
    return this.#publisher!.position.incarnation;
  }

  async openSubscriber(name: string, options?: SubscriberOptions, listens?: boolean): Promise<void> {
    const subscriber = await this.#channel!.subscriber({ pollWindow: 0, ...options });
    const listening: Listening = { subscriber, log: [], listens: false, waiting: [] };
    this.#subscribers.set(name, listening);
    subscriber.on('gap', ({ from, to }) => note(listening, 'gap', from, to));
    subscriber.on('publishersGone', ({ reason }) => note(listening, 'gone', reason));
    subscriber.on('close', ({ reason }) => note(listening, 'close', reason));
    subscriber.on('error', ({ code }) => note(listening, 'error', code));
    if (listens === true) this.listen(name);
  }

  listen(name: string): void {
    const listening = this.#named(name);
    listening.listens = true;
    listening.subscriber.on('message', ({ value, sequence }) =>
      note(listening, 'message', sequence, abbreviate(value)),
    );
  }

  tryPublish(value: string): PublishOutcome {
    return this.#publisher!.tryPublish(expand(value));
  }

  tryPublishAll(values: readonly string[]): PublishOutcome {
    return this.#publisher!.tryPublishAll(values.map(expand));
  }

  publish(value: string): Promise<number> {
    return this.#publisher!.publish(expand(value));
  }

  waitForSubscribers(count: number): Promise<number> {
    return this.#publisher!.waitForSubscribers(count);
  }

  fill(value: string): number {
    for (let count = 0; ; ) {
      const outcome = this.tryPublish(value);
      if (outcome === 'full') return count;
      if (outcome === 'published') count++;
    }
  }

  poll(name: string): void {
    const listening = this.#named(name);
    if (!listening.subscriber.isOpen) return;
    listening.subscriber.poll(({ value, sequence }) =>
      note(listening, 'message', sequence, abbreviate(value)),
    );
  }

  async hears(name: string, entry: string, times = 1): Promise<void> {
    const listening = this.#named(name);
    while (listening.log.filter((other) => other === entry).length < times) {
      if (listening.listens) {
        await new Promise<void>((resolve) => listening.waiting.push(resolve));
      } else {
        await pause(PAUSE_MS);
        this.poll(name);
      }
    }
  }

  log(name: string): readonly string[] {
    return this.#named(name).log;
  }

  async asleep(): Promise<void> {
    while (!steps.isAsleep) await pause(PAUSE_MS);
  }

  arm(point: Point | undefined, how: Stop): number {
    return steps.arm(point, how);
  }

  seen(): readonly string[] {
    return steps.seen;
  }

  recovered(): readonly string[] {
    return recovered;
  }

  async closePublisher(): Promise<void> {
    await this.#publisher?.close();
    this.#publisher = undefined;
  }

  async closeSubscriber(name: string): Promise<void> {
    await this.#named(name).subscriber.close();
  }

  hold(file: string): void {
    say({ holds: true });
    while (!existsSync(file)) standStill(PAUSE_MS);
  }

  async turn(times: number): Promise<void> {
    for (let count = 0; count < times; count++) await nextTurn();
  }

  async memory(): Promise<number> {
    for (let count = 0; count < 3; count++) {
      globalThis.gc?.();
      await nextTurn();
    }
    return process.memoryUsage().arrayBuffers;
  }

  async leaveAll(): Promise<void> {
    await this.closePublisher();
    for (const { subscriber } of this.#subscribers.values()) await subscriber.close();
    this.#subscribers.clear();
  }

  #named(name: string): Listening {
    const listening = this.#subscribers.get(name);
    if (listening === undefined) throw new Error(`there is no subscriber ${name}`);
    return listening;
  }
}

obeyOrders(new Actor());
