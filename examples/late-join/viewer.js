import { scores } from './channel.js';

const subscriber = await scores.subscriber({ closeWithPublishers: true });
for await (const { sequence, value } of subscriber) console.log(`goal ${sequence}: ${value}`);
