import { setTimeout } from 'node:timers/promises';
import { prices } from './channel.js';

const publisher = await prices.publisher();
console.log('publishing');
for (let price = 187.25; ; price += Math.random() - 0.5) {
  await publisher.publish({ symbol: 'AAPL', price });
  await setTimeout(1000);
}
