import { type Order, orders } from './channel.js';

const book: readonly Order[] = [
  { id: 1, side: 'buy', symbol: 'AAPL', price: 187.25 },
  { id: 2, side: 'sell', symbol: 'MSFT', price: 402.5 },
];

const publisher = await orders.publisher();
await publisher.waitForSubscribers();
for (const order of book) await publisher.publish(order);
// @ts-expect-error: the compiler refuses what is not of the channel's schema
publisher.publish({ id: 3, side: 'hold' }).catch(() => {});
await publisher.drain();
