import type { Channel } from '@mmfbus/channel';
import { defineChannel } from '@mmfbus/channel';
import { f64 } from '@mmfbus/codec';
import { worthOf } from '../calls/worth.js';
import { makeQuote } from '../messages/quote.js';
import { ascending, percentile } from '../statistics.js';
import { quoteChannel } from './channels.js';
import type { Own } from './own-job.js';

function answers(name: string): Channel<number> {
  return defineChannel({ name, schema: f64() });
}

/** Nanoseconds from a quote on one channel to its answer on another, both taken by `message` events: what a call is made of. */
export const pingPong: Own = {
  async measure({ name, amount }, startPartner) {
    const back = await answers(`${name}-back`).subscriber();
    const there = await quoteChannel(`${name}-there`).publisher({ timestamps: false });
    const partner = await startPartner();
    const quote = makeQuote();
    // As many again come first, for the code to be compiled.
    const times: number[] = [];
    await new Promise<void>((resolve, reject) => {
      let sent = 0;
      const next = () => {
        quote.id = times.length;
        sent = performance.now();
        if (there.tryPublish(quote) !== 'published') reject(new Error('an empty channel is full'));
      };
      back.on('message', ({ value }) => {
        times.push((performance.now() - sent) * 1e6);
        if (value !== worthOf(quote)) reject(new Error(`quote ${quote.id} was answered with ${value}`));
        if (times.length === 2 * amount) resolve();
        else next();
      });
      next();
    });
    await there.close();
    await back.close();
    await partner.end();
    const sorted = ascending(times.slice(amount));
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  },

  async partner({ name }, say, told) {
    const there = await quoteChannel(`${name}-there`).subscriber();
    const back = await answers(`${name}-back`).publisher({ timestamps: false });
    there.on('message', ({ value }) => {
      if (back.tryPublish(worthOf(value)) !== 'published') throw new Error('an empty channel is full');
    });
    say('ready');
    await told.line();
    await there.close();
    await back.close();
  },
};
