import { defineChannel } from 'mmfbus';

const prices = defineChannel({ name: 'cpp-prices' });
const publisher = await prices.publisher();
await publisher.waitForSubscribers();
for (const price of [187.25, 186.75, 188.5, 187]) await publisher.publish(price);
await publisher.drain();
