import { prices } from './channel.ts';

const subscriber = await prices.subscriber({ closeWithPublishers: true });
for await (const { value } of subscriber) console.log(`${value.symbol} ${value.price} on Deno`);
