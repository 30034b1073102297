import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Publisher, Subscriber } from '@mmfbus/channel';
import { bytesChannel, frameOf64, ignore, publishSoon } from './channels.js';
import type { Own } from './own-job.js';

const WARM_UP = 100_000;
/** Messages after which the publisher lets its event loop turn. */
const TURN = 1000;

async function publishMany(publisher: Publisher<Uint8Array>, messages: number): Promise<void> {
  for (let count = 1; count <= messages; count++) {
    publishSoon(publisher, frameOf64);
    if (count % TURN === 0) await nextTurn();
  }
}

/** Nanoseconds of the publisher's processor time for a message, with that many lossy subscribers. */
export const lossy: Own = {
  async measure({ name, amount }, startPartner) {
    const publisher = await bytesChannel(name).publisher();
    const partner = await startPartner();
    await publishMany(publisher, WARM_UP);
    const before = process.cpuUsage();
    await publishMany(publisher, amount);
    const { user, system } = process.cpuUsage(before);
    await publisher.close();
    await partner.line();
    return { cpu: ((user + system) * 1000) / amount };
  },

  async partner({ name, count }, say) {
    const subscribers: Subscriber<Uint8Array>[] = [];
    while (subscribers.length < count) {
      const subscriber = await bytesChannel(name).subscriber({
        delivery: 'lossy',
        closeWithPublishers: true,
      });
      subscriber.on('message', ignore);
      subscribers.push(subscriber);
    }
    const ends = subscribers.map(
      (each) => new Promise<void>((resolve) => each.once('close', () => resolve())),
    );
    say('ready');
    await Promise.all(ends);
    say('done');
  },
};
