import { readings } from './channel.js';

const [, , room = 'attic'] = process.argv;
const publisher = await readings.publisher({ name: room });
await publisher.waitForSubscribers();
for (let step = 0; step < 1000; step++) await publisher.publish({ room, celsius: 20 + step / 1000 });
await publisher.drain();
