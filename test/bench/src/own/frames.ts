import type { Publisher } from '@mmfbus/channel';
import { bytesChannel, frameOf64, publishSoon, takeMany } from './channels.js';
import type { Own, OwnJob } from './own-job.js';

/** Messages that are not counted: the code is compiled meanwhile. */
const WARM_UP = 200_000;

function publishMany(publisher: Publisher<Uint8Array>, messages: number, batchLength: number): void {
  if (batchLength === 1) {
    for (let count = 0; count < messages; count++) publishSoon(publisher, frameOf64);
    return;
  }
  const batch = Array.from({ length: batchLength }, () => frameOf64);
  for (let count = 0; count < messages; count += batchLength) {
    while (publisher.tryPublishAll(batch) !== 'published');
  }
}

/** Nanoseconds for a frame of 64 bytes from one process to another that polls, singly or in batches. */
export const frames: Own = {
  async measure({ name, amount, count }, startPartner) {
    const publisher = await bytesChannel(name).publisher({ timestamps: false });
    const partner = await startPartner();
    publishMany(publisher, WARM_UP, count);
    await partner.line();
    const begin = process.hrtime.bigint();
    publishMany(publisher, amount, count);
    const end = BigInt(await partner.line());
    await publisher.close();
    return { time: Number(end - begin) / amount };
  },

  async partner({ name, amount }: OwnJob, say) {
    const subscriber = await bytesChannel(name).subscriber();
    say('ready');
    takeMany(subscriber, WARM_UP);
    say('warm');
    takeMany(subscriber, amount);
    say(String(process.hrtime.bigint()));
    await subscriber.close();
  },
};
