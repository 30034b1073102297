// What the Workers of the tests run: one act on one channel, told by their parent.
import { parentPort, workerData } from 'node:worker_threads';
import { type Channel, defineChannel, type Publisher, type Subscriber } from '@mmfbus/channel';
import { openSegment, sharedWords } from '@mmfbus/core/internal';

type Act =
  | 'listen'
  | 'sum'
  | 'hang'
  | 'publish'
  | 'flood'
  | 'wait'
  | 'lock'
  | 'relay'
  | 'fade'
  | 'exit'
  | 'fail';

/** What a Worker is told. */
export interface WorkerTask {
  readonly act: Act;
  readonly channel: string;
  /** Another channel, for the acts that use two. */
  readonly other?: string;
  readonly delivery?: 'reliable' | 'lossy';
  /** How many messages. */
  readonly count?: number;
}

const task = workerData as WorkerTask;
const { delivery = 'reliable', count = 0 } = task;

function say(...words: unknown[]): void {
  parentPort?.postMessage(words.join(' '));
}

function define(name: string): Channel<number> {
  return defineChannel<number>({ name, capacity: 4096 });
}

const channel = define(task.channel);

function sayAll(subscriber: Subscriber<number>): void {
  subscriber.on('message', ({ value, sequence }) => say('message', sequence, value));
  subscriber.on('gap', ({ from, to }) => say('gap', from, to));
  subscriber.on('publishersGone', ({ reason }) => say('gone', reason));
}

function fill(publisher: Publisher<number>): number {
  let filled = 0;
  while (publisher.tryPublish(0) === 'published') filled++;
  return filled;
}

/** Takes the publisher lock as FORMAT.md says, in the name of that slot, and never releases it. */
function holdLock(slot: number): void {
  const { memory } = openSegment({ name: channel.name, disposition: 'open', size: 0 });
  const words = sharedWords(memory, 0, memory.byteLength / 4);
  const generation = words[(512 + slot * 256 + 36) / 4] as number;
  while (Atomics.compareExchange(words, 192 / 4, 0, (generation << 10) | slot) !== 0);
}

const acts: Record<Act, () => Promise<void>> = {
  /** Says what it hears, until it is told to leave. */
  listen: async () => {
    const subscriber = await channel.subscriber({ delivery });
    sayAll(subscriber);
    parentPort?.once('message', () => subscriber.close());
    say('ready');
  },
  /** Hears until the last publisher left, adding up. */
  sum: async () => {
    const subscriber = await channel.subscriber({ delivery, closeWithPublishers: true });
    say('ready');
    let sum = 0;
    let due = 1;
    for await (const { value, sequence } of subscriber) {
      if (sequence !== due++) say('wrong', sequence);
      sum += value;
    }
    say('sum', sum);
  },
  /** Says `taken` at its first message and never comes back from its listener. */
  hang: async () => {
    const subscriber = await channel.subscriber({ delivery });
    subscriber.on('message', () => {
      say('taken');
      for (;;);
    });
    say('ready');
  },
  /** Publishes that many, waiting for room, and leaves. */
  publish: async () => {
    const publisher = await channel.publisher();
    say('ready');
    for (let value = 1; value <= count; value++) await publisher.publish(value);
    await publisher.close();
  },
  /** Publishes without end, never coming back to its event loop. */
  flood: async () => {
    const publisher = await channel.publisher();
    let value = 0;
    for (;;) if (publisher.tryPublish(value + 1) === 'published' && ++value === count) say('ready');
  },
  /** Publishes until there is no room, says how many, and waits for room. */
  wait: async () => {
    const publisher = await channel.publisher();
    const filled = fill(publisher);
    say('full');
    say(filled);
    await publisher.publish(1);
  },
  /** Joins as the publisher in slot 1, and holds the lock for good. */
  lock: async () => {
    await channel.publisher();
    holdLock(1);
    say('holds');
    setInterval(() => {}, 1000);
  },
  /** Passes what it hears on one channel on to the other, as a subscriber, a publisher, and a lossy listener in one. */
  relay: async () => {
    const from = await channel.subscriber({ closeWithPublishers: true });
    const watcher = await channel.subscriber({ delivery: 'lossy', closeWithPublishers: true });
    const to = await define(task.other ?? '').publisher();
    let watched = 0;
    watcher.on('message', () => watched++).on('gap', (gap) => (watched += gap.count));
    const end = new Promise<void>((resolve) => watcher.once('close', () => resolve()));
    say('ready');
    for await (const { value } of from) await to.publish(10 * value);
    await end;
    await to.close();
    say('watched', watched);
  },
  /** Joins in both roles and lets the Worker end by itself, with both open. */
  fade: async () => {
    const publisher = await channel.publisher();
    (await channel.subscriber({ delivery: 'lossy' })).on('message', () => {}).unref();
    publisher.tryPublish(1);
    say('ready');
  },
  /** Ends the Worker with `process.exit`, with both roles open. */
  exit: async () => {
    const publisher = await channel.publisher();
    (await channel.subscriber({ delivery: 'lossy' })).on('message', () => {});
    publisher.tryPublish(1);
    process.exit(3);
  },
  /** Ends the Worker with an uncaught error. */
  fail: async () => {
    const publisher = await channel.publisher();
    (await channel.subscriber({ delivery: 'lossy' })).on('message', () => {});
    publisher.tryPublish(1);
    setImmediate(() => {
      throw new Error('mine');
    });
  },
};

await acts[task.act]();
