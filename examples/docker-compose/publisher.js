import { jobs } from './channel.js';

const publisher = await jobs.publisher();
await publisher.waitForSubscribers();
for (let id = 1; id <= 3; id++) await publisher.publish({ id, file: `picture-${id}.png` });
await publisher.drain();
