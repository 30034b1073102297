import { prices } from './channel.ts';

const publisher = await prices.publisher();
await publisher.waitForSubscribers();
for (const price of [187.25, 187.5]) await publisher.publish({ symbol: 'AAPL', price });
await publisher.drain();
