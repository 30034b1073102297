// Joins a channel on any runtime, in its main thread or in a Worker. Arguments: what it does, the channel, and how
// many messages.
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type ChannelError, defineChannel } from '@mmfbus/channel';

const [act = '', name = '', count = '0'] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const channel = defineChannel<number>({ name, capacity: 4096 });

function say(...words: unknown[]): void {
  if (isMainThread) process.stdout.write(`${words.join(' ')}\n`);
  else parentPort?.postMessage(words.join(' '));
}

/** Has the lines of the standard input handled; `atEnd` is called at its end. */
function onLines(handle: (line: string) => unknown, atEnd: () => unknown): void {
  createInterface({ input: process.stdin }).on('line', handle).on('close', atEnd);
}

const acts: Record<string, () => Promise<void>> = {
  /** Says all that it hears, until its standard input ends. */
  listen: async () => {
    const subscriber = await channel.subscriber();
    subscriber.on('message', ({ value, sequence }) => say('message', sequence, value));
    subscriber.on('publishersGone', ({ reason }) => say('gone', reason));
    if (isMainThread) onLines(say, () => subscriber.close().then(() => process.exit()));
    say('ready');
  },
  /** Publishes each line of its standard input, until that ends. */
  publish: async () => {
    const publisher = await channel.publisher();
    onLines(
      async (line) => say('published', await publisher.publish(Number(line))),
      () => publisher.close().then(() => process.exit()),
    );
    say('ready');
  },
  /** Publishes the numbers from 1, waits until they were handled, and ends by itself. */
  stream: async () => {
    const publisher = await channel.publisher();
    say('ready');
    for (let value = 1; value <= Number(count); value++) await publisher.publish(value);
    await publisher.drain();
    say('drained');
  },
  /** Checks that it hears the numbers from 1, and ends by itself with the last publisher. */
  check: async () => {
    const subscriber = await channel.subscriber({ closeWithPublishers: true });
    say('ready');
    let due = 1;
    for await (const { value, sequence } of subscriber) {
      if (value !== due || sequence !== due) say('wrong', value, sequence, due);
      due++;
    }
    say('got', due - 1);
  },
  /** Joins as a reliable subscriber that takes nothing. */
  hold: async () => {
    await channel.subscriber();
    setInterval(() => {}, 1000);
    say('ready');
  },
  /** Publishes until there is no room, and waits for some. */
  fill: async () => {
    const publisher = await channel.publisher();
    while (publisher.tryPublish(0) === 'published');
    say('full');
    await publisher.publish(1);
    say('room');
    await publisher.close();
  },
  /** Publishes more than there is room for, without a turn of the event loop. */
  'fill-sync': async () => {
    const publisher = await channel.publisher();
    let outcome = 'published';
    for (let value = 1; value <= 10_000 && outcome === 'published'; value++)
      outcome = publisher.tryPublish(value);
    say(outcome === 'published' ? 'not full' : outcome);
    await publisher.close();
  },
  /** Ends by itself as nothing keeps its event loop alive, with both roles open. */
  fade: async () => {
    const publisher = await channel.publisher();
    const subscriber = await channel.subscriber({ delivery: 'lossy' });
    subscriber.on('message', () => {}).unref();
    publisher.tryPublish(1);
    say('ready');
  },
  /** Ends with `process.exit`, with both roles open. */
  exit: async () => {
    const publisher = await channel.publisher();
    const subscriber = await channel.subscriber({ delivery: 'lossy' });
    subscriber.on('message', () => {});
    publisher.tryPublish(1);
    process.exit(3);
  },
  /** Ends with an uncaught error, with both roles open. */
  fail: async () => {
    const publisher = await channel.publisher();
    const subscriber = await channel.subscriber({ delivery: 'lossy' });
    subscriber.on('message', () => {});
    publisher.tryPublish(1);
    setImmediate(() => {
      throw new Error('mine');
    });
  },
  /** Joins and leaves again and again, each time with a port of its own. */
  reopen: async () => {
    for (let round = 1; round <= Number(count); round++) {
      const subscriber = await channel.subscriber();
      const heard = new Promise((resolve) => subscriber.once('message', resolve));
      const publisher = await channel.publisher();
      await publisher.publish(round);
      await heard;
      await publisher.close();
      await subscriber.close();
    }
    say('reopened', count);
  },
  /** Says how joining was refused. */
  refused: async () => {
    try {
      await channel.subscriber();
    } catch (error) {
      const { code, message } = error as ChannelError;
      say(code, message);
    }
  },
};

/** Does it in a Worker, which each line of the standard input terminates. */
async function runWorker(task: readonly string[]): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  worker.on('message', say).on('error', say);
  worker.once('exit', () => say('ended'));
  onLines(
    () => worker.terminate(),
    () => process.exit(),
  );
}

if (act.startsWith('worker:')) await runWorker([act.slice('worker:'.length), name, count]);
else await acts[act]?.();
