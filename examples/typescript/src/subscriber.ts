import { type Order, orders } from './channel.js';

function show({ id, side, symbol, price }: Order): void {
  console.log(`${id}: ${side} ${symbol} at ${price.toFixed(2)}`);
}

const subscriber = await orders.subscriber({ closeWithPublishers: true });
for await (const { value } of subscriber) show(value);
