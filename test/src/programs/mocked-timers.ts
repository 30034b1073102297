// Publishes and subscribes while node:test mocks the timers, and prints what arrived.
import { mock } from 'node:test';
import { defineChannel } from '@mmfbus/channel';

mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'setInterval', 'Date'] });
const channel = defineChannel<number>({ name: process.argv[2] ?? '', capacity: 4096 });
const subscriber = await channel.subscriber();
const publisher = await channel.publisher();
const heard: Promise<number> = new Promise((resolve) =>
  subscriber.on('message', ({ value }) => resolve(value)),
);
await publisher.publish(7);
process.stdout.write(`heard ${await heard}\n`);
await publisher.drain();
await subscriber.drain();
process.stdout.write('drained\n');
