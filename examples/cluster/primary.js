import cluster from 'node:cluster';
import { once } from 'node:events';
import { get } from 'node:http';
import { logs } from './channel.js';

const subscriber = await logs.subscriber();
subscriber.on('message', ({ sequence, value }) =>
  console.log(`${sequence} worker ${value.worker}: ${value.line}`),
);

cluster.setupPrimary({ exec: 'worker.js' });
const workers = [cluster.fork(), cluster.fork()];
const [[{ port }]] = await Promise.all(workers.map((worker) => once(worker, 'listening')));

// Four visitors, one after another; each has a connection of its own, so the workers take turns.
for (const page of ['/', '/prices', '/news', '/about']) {
  const [response] = await once(get({ port, path: page, agent: false }), 'response');
  await response.resume().toArray();
}
await new Promise((resolve) => cluster.disconnect(resolve));
await subscriber.drain();
