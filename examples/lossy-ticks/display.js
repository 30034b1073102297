import { setTimeout as sleep } from 'node:timers/promises';
import { ticks } from './channel.js';

let shown = 0;
let missed = 0;
let last;

const subscriber = await ticks.subscriber({ delivery: 'lossy', closeWithPublishers: true });
subscriber.on('gap', ({ count }) => {
  missed += count;
});
for await (const { value } of subscriber) {
  last = value;
  shown++;
  await sleep(5); // drawing takes time, and the feed does not wait for it
}

console.log(`shown: ${shown}`);
console.log(`missed: ${missed}`);
console.log(`together: ${shown + missed}`);
console.log(`last price: ${last.price.toFixed(2)}`);
