// The end of bench:native that is Node: `receive`, `publish`, and both ends of a ping-pong, told by its arguments.
import { type Channel, defineChannel, type Publisher, type Subscriber } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';

const MiB = 2 ** 20;

const BALL = 40;

function channelOf(name: string): Channel<Uint8Array> {
  return defineChannel({ name, codec: raw(), capacity: MiB });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Takes messages as fast as they come, and prints nanoseconds a message, after a warm-up. */
async function receive(name: string, warmUp: number, count: number): Promise<void> {
  const subscriber = await channelOf(name).subscriber();
  say('ready');
  let received = 0;
  let begin = 0n;
  while (received < warmUp + count) {
    subscriber.poll(() => {
      received++;
      if (received === warmUp) begin = process.hrtime.bigint();
    });
  }
  say((Number(process.hrtime.bigint() - begin) / count).toFixed(3));
  await subscriber.close();
}

/** Publishes as fast as there is room. */
async function publish(name: string, count: number, bytes: number): Promise<void> {
  const publisher = await channelOf(name).publisher();
  const message = new Uint8Array(bytes);
  for (let index = 0; index < count; ) {
    if (publisher.tryPublish(message) === 'published') index++;
  }
  await publisher.close();
}

/** Waits for the next message, looking again and again. */
function poll(subscriber: Subscriber<Uint8Array>): void {
  while (subscriber.poll(() => {}, 1) === 0);
}

function sendBack(publisher: Publisher<Uint8Array>, times: number, ball: Uint8Array): () => boolean {
  let left = times;
  return () => {
    publisher.tryPublish(ball);
    return --left === 0;
  };
}

/** Sends back what comes. */
async function pong(there: string, back: string, times: number, asleep: boolean): Promise<void> {
  const ball = new Uint8Array(BALL);
  const subscriber = await channelOf(there).subscriber(asleep ? { pollWindow: 0 } : {});
  const publisher = await channelOf(back).publisher();
  const answer = sendBack(publisher, times, ball);
  say('ready');
  if (asleep) {
    await new Promise<void>((resolve) => {
      subscriber.on('message', () => {
        if (answer()) resolve();
      });
    });
  } else {
    do poll(subscriber);
    while (!answer());
  }
  await subscriber.close();
  await publisher.close();
}

const [role = '', first = '', second = '', third = '', fourth = ''] = process.argv.slice(2);
if (role === 'receive') await receive(first, Number(second), Number(third));
else if (role === 'publish') await publish(first, Number(second), Number(third));
else await pong(first, second, Number(third), fourth === '1');
