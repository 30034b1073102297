import { makeQuote } from '../messages/quote.js';
import { ignore, quoteChannel } from './channels.js';
import type { Own } from './own-job.js';

const WARM_UP = 1_000_000;
/** Messages that are published before they are taken. */
const AT_ONCE = 1000;

interface Sizes {
  /** The heap and the buffers beside it, after a collection. */
  readonly heap: number;
  readonly rss: number;
}

function sizes(): Sizes {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run it with --expose-gc');
  gc();
  gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + arrayBuffers, rss };
}

/** Bytes by which the memory has grown after that many typed objects through `tryPublish` and `poll`. */
export const memory: Own = {
  async measure({ name, amount }) {
    const channel = quoteChannel(name);
    const publisher = await channel.publisher();
    const subscriber = await channel.subscriber();
    const message = makeQuote();
    const pass = (messages: number) => {
      for (let count = 0; count < messages; count += AT_ONCE) {
        let published = 0;
        while (published < AT_ONCE && publisher.tryPublish(message) === 'published') published++;
        if (subscriber.poll(ignore) !== AT_ONCE) throw new Error('not all messages went through');
      }
    };
    pass(WARM_UP);
    const before = sizes();
    pass(amount);
    const after = sizes();
    await publisher.close();
    await subscriber.close();
    return { heap: after.heap - before.heap, rss: after.rss - before.rss };
  },
};
