import { ticks } from './channel.js';

const publisher = await ticks.publisher();
await publisher.waitForSubscribers();
for (let tick = 1; tick <= 10_000; tick++)
  await publisher.publish({ symbol: 'AAPL', price: 180 + tick / 1000 });
await publisher.close();
