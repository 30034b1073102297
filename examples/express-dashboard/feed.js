import { freemem, loadavg } from 'node:os';
import { loads } from './channel.js';

const publisher = await loads.publisher();
const timer = setInterval(async () => {
  await publisher.publish({ load: loadavg()[0], freeMiB: Math.round(freemem() / 1024 / 1024) });
}, 500);

process.once('SIGINT', async () => {
  clearInterval(timer);
  await publisher.close();
});
