import { jobs } from './channel.js';

const subscriber = await jobs.subscriber({ closeWithPublishers: true });
for await (const { value } of subscriber) console.log(`job ${value.id}: ${value.file}`);
