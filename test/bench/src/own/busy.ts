import { makeQuote } from '../messages/quote.js';
import { ascending, percentile } from '../statistics.js';
import { publishSoon, quoteChannel, takeOne } from './channels.js';
import type { Own } from './own-job.js';

/** Part of the round trips that are not counted: the code is compiled meanwhile. */
const WARM_UP_PART = 0.2;

/** Nanoseconds there and back of a typed object, with both sides looking all the time. */
export const busy: Own = {
  async measure({ name, amount }, startPartner) {
    const there = await quoteChannel(`${name}-there`).publisher({ timestamps: false });
    const back = await quoteChannel(`${name}-back`).subscriber();
    await startPartner();
    const message = makeQuote();
    const times = new Float64Array(amount);
    for (let count = 0; count < amount; count++) {
      message.id = count;
      const begin = performance.now();
      publishSoon(there, message);
      takeOne(back);
      times[count] = (performance.now() - begin) * 1e6;
    }
    await there.close();
    await back.close();
    const sorted = ascending([...times.subarray(amount * WARM_UP_PART)]);
    return {
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      'p99.9': percentile(sorted, 0.999),
    };
  },

  async partner({ name, amount }, say) {
    const there = await quoteChannel(`${name}-there`).subscriber();
    const back = await quoteChannel(`${name}-back`).publisher({ timestamps: false });
    say('ready');
    const message = makeQuote();
    for (let count = 0; count < amount; count++) {
      takeOne(there);
      publishSoon(back, message);
    }
    await there.close();
    await back.close();
  },
};
