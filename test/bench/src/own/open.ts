import { ascending, percentile } from '../statistics.js';
import { quoteChannel } from './channels.js';
import type { Own } from './own-job.js';

async function milliseconds(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}

/** Milliseconds that opening takes: the first of a process, then each channel that is new, and one that is there. */
export const open: Own = {
  async measure({ name, amount }) {
    const close: (() => Promise<void>)[] = [];
    const create = async (number: number) => {
      const publisher = await quoteChannel(`${name}-${number}`).publisher();
      close.push(() => publisher.close());
    };
    const join = async (number: number) => {
      const subscriber = await quoteChannel(`${name}-${number}`).subscriber();
      close.push(() => subscriber.close());
    };
    const first = await milliseconds(() => create(0));
    const created: number[] = [];
    const joined: number[] = [];
    for (let number = 1; number <= amount; number++) {
      created.push(await milliseconds(() => create(number)));
      joined.push(await milliseconds(() => join(number)));
    }
    for (const each of close) await each();
    return { first, create: percentile(ascending(created), 0.5), join: percentile(ascending(joined), 0.5) };
  },
};
