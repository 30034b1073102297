import { readings } from './channel.js';

const counts = { attic: 0, cellar: 0, kitchen: 0 };
let sequence = 0;

const subscriber = await readings.subscriber();
for await (const message of subscriber) {
  if (message.sequence !== ++sequence) throw new Error(`${message.sequence} came where ${sequence} was due`);
  counts[message.value.room]++;
  if (sequence === 3000) break;
}
await subscriber.close();

console.log(counts);
console.log(`numbered 1 to ${sequence}, in one order for all subscribers`);
