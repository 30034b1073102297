import { setTimeout as delay } from 'node:timers/promises';
import { worthService } from '../calls/services.js';
import { worthOf } from '../calls/worth.js';
import { makeQuote } from '../messages/quote.js';
import type { Own } from './own-job.js';

/** Milliseconds in which processes that have just called go to sleep. */
const SETTLING = 1000;

/** Percent of a core that this process uses in that many milliseconds. */
async function share(milliseconds: number): Promise<number> {
  const before = process.cpuUsage();
  await delay(milliseconds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / milliseconds;
}

/** Percent of a core that an idle server uses which that many clients have called, and one of these clients, each of them a process. */
export const idleService: Own = {
  async measure({ amount, count }, startPartner) {
    const server = await startPartner('server');
    const clients = await Promise.all(Array.from({ length: count }, () => startPartner('client')));
    await delay(SETTLING);
    for (const { tell } of [server, ...clients]) tell(String(amount));
    const cpu = Number(await server.line());
    const shares = await Promise.all(clients.map(async ({ line }) => Number(await line())));
    await Promise.all(clients.map(({ end }) => end()));
    await server.end();
    return { cpu, 'cpu of a client': shares.reduce((a, b) => a + b, 0) / count };
  },

  async partner({ name }, say, told) {
    const service = worthService(name);
    let close: () => Promise<void>;
    if (told.role === 'server') {
      const server = await service.serve({ worth: worthOf });
      close = () => server.close();
    } else {
      const client = await service.client();
      const quote = makeQuote();
      if ((await client.worth(quote)) !== worthOf(quote)) throw new Error('a call was answered wrongly');
      close = () => client.$close();
    }
    say('ready');
    say(String(await share(Number(await told.line()))));
    await told.line();
    await close();
  },
};
