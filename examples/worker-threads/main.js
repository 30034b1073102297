import { Worker } from 'node:worker_threads';
import { results } from './channel.js';

const subscriber = await results.subscriber();
const ranges = [0, 100_000, 200_000, 300_000].map((from) => ({ from, to: from + 100_000 }));
for (const workerData of ranges) new Worker(new URL('worker.js', import.meta.url), { workerData });

const found = new Map();
for await (const { value } of subscriber) {
  found.set(value.from, value);
  if (found.size === ranges.length) break;
}
await subscriber.close();

for (const { from } of ranges) console.log(found.get(from));
