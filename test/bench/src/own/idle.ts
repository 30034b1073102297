import { setTimeout as delay } from 'node:timers/promises';
import type { Subscriber } from '@mmfbus/channel';
import { bytesChannel, ignore } from './channels.js';
import type { Own } from './own-job.js';

const KiB = 1024;

/** Milliseconds in which subscribers that were just opened go to sleep. */
const SETTLING = 500;

/** Percent of a core that idle subscriptions to that many channels use. */
export const idle: Own = {
  async measure({ name, amount, count }) {
    const subscribers: Subscriber<Uint8Array>[] = [];
    while (subscribers.length < count) {
      const subscriber = await bytesChannel(`${name}-${subscribers.length}`, 64 * KiB).subscriber();
      subscriber.on('message', ignore);
      subscribers.push(subscriber);
    }
    await delay(SETTLING);
    const before = process.cpuUsage();
    await delay(amount);
    const { user, system } = process.cpuUsage(before);
    const rss = process.memoryUsage.rss();
    for (const subscriber of subscribers) await subscriber.close();
    return { cpu: (user + system) / 10 / amount, rss };
  },
};
