import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { logs } from './channel.js';

const publisher = await logs.publisher();
const server = createServer(async ({ method, url }, response) => {
  await publisher.publish({ worker: cluster.worker.id, line: `${method} ${url}` });
  response.end('welcome');
});
server.listen(0);
cluster.worker.once('disconnect', () => publisher.drain());
