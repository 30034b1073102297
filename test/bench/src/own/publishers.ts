import { setImmediate as nextTurn } from 'node:timers/promises';
import { makeQuote } from '../messages/quote.js';
import { quoteChannel } from './channels.js';
import type { Own } from './own-job.js';

/** What each publisher publishes before it counts. */
const WARM_UP = 50_000;

/** Typed objects a second that one subscriber gets from several publishers together. */
export const publishers: Own = {
  async measure({ name, amount, count }, startPartner) {
    const subscriber = await quoteChannel(name).subscriber();
    let taken = 0;
    let begin = 0n;
    let end = 0n;
    const warm = count * WARM_UP;
    const total = warm + Math.floor(amount / count) * count;
    subscriber.on('message', () => {
      taken++;
      if (taken === warm) begin = process.hrtime.bigint();
      else if (taken === total) end = process.hrtime.bigint();
    });
    await Promise.all(Array.from({ length: count }, startPartner));
    // They begin when they see it: all of them are ready by now.
    const start = await quoteChannel(`${name}-start`).publisher();
    await start.publish(makeQuote());
    while (end === 0n) await nextTurn();
    await start.close();
    await subscriber.close();
    return { rate: ((total - warm) / Number(end - begin)) * 1e9 };
  },

  async partner({ name, amount, count }, say) {
    const publisher = await quoteChannel(name).publisher();
    const start = await quoteChannel(`${name}-start`).subscriber();
    const started = new Promise<void>((resolve) => start.once('message', () => resolve()));
    say('ready');
    await started;
    await start.close();
    const message = makeQuote();
    const total = WARM_UP + Math.floor(amount / count);
    for (let id = 0; id < total; id++) {
      message.id = id;
      if (publisher.tryPublish(message) !== 'published') await publisher.publish(message);
    }
    await publisher.drain();
  },
};
