// Joins a channel, runs Workers one after another that join it too, and ends by itself. Tells what it has open
// before and after them. Arguments: the channel, what the Workers do, and how many.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { defineChannel } from '@mmfbus/channel';
import { type OpenResources, openResources } from '../support/open-resources.js';
import { someoneSleeps, tableWhere } from '../support/slots.js';

/** What is made once a process, or kept for the next Worker, is there after this many. */
const BEFORE = 5;

const [, , name = '', act = '', count = '0'] = process.argv;
const program = new URL('worker.js', import.meta.url);
const publisher = await defineChannel<number>({ name, capacity: 4096 }).publisher();

/** Starts a Worker and waits for its end, or brings it about. */
async function runWorker(): Promise<void> {
  const worker = new Worker(program, { workerData: { act, channel: name, delivery: 'lossy', count: 1 } });
  if (act === 'fade' || act === 'exit') {
    await once(worker, 'exit');
    return;
  }
  await once(worker, 'message');
  if (act === 'listen') await tableWhere(name, someoneSleeps);
  await worker.terminate();
  // The next one who joins reclaims a dead publisher; who rings it reclaims a sleeper.
  if (act !== 'listen') return;
  await tableWhere(name, ({ slots }) => {
    for (let published = 0; published < 1000; published++) publisher.tryPublish(1);
    return slots.length === 1;
  });
}

function whatIsOpen(): OpenResources {
  const listeners = process.eventNames().map((event) => [String(event), process.listenerCount(event)]);
  return { ...openResources(), ...Object.fromEntries(listeners) };
}

for (let run = 0; run < BEFORE; run++) await runWorker();
const before = whatIsOpen();
for (let run = 0; run < Number(count); run++) await runWorker();
process.stdout.write(`${JSON.stringify({ before, after: whatIsOpen() })}\n`);
await publisher.close();
