import { orders } from './channel.js';

const subscriber = await orders.subscriber({ closeWithPublishers: true });
for await (const { value } of subscriber) console.log(`order of ${value.email}: ${value.amount}`);
