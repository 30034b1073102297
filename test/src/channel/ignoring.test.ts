import type { Message } from '@mmfbus/channel';
import { describe, expect, it } from 'vitest';
import { startAgent } from '../e2e/channel-agent.js';
import { define, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';

ownDirectory('ignoring');

const PUBLISHERS = 3;
const MESSAGES = 2000;

/** Publishes without a look at what comes of it, waits for nothing but the end, and says how many errors there were. */
const HEEDLESS = `
  let missing = 0;
  process.on('unhandledRejection', () => missing++);
  for (let value = 1; value <= ${MESSAGES}; value++) publisher.publish(value);
  // Longer than a busy machine takes.
  await publisher.close({ timeout: 60_000 });
  await new Promise(setImmediate);
  say('missing', missing);
`;

describe('publishers that ignore what they are told', () => {
  it.each([
    ['all of it waits', ''],
    ['too much would wait', 'maxWaiting: 4000'],
  ])('lose nothing silently where %s', async (_, join) => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publishers = await Promise.all(
      Array.from({ length: PUBLISHERS }, () => startAgent('publisher', channel.name, HEEDLESS, { join })),
    );
    let missing = 0;
    let areGone = false;
    const ended = publishers.map(async (publisher) => {
      const [, count] = await publisher.waitForLine(/^missing (\d+)$/);
      missing += Number(count);
      await publisher.success();
    });
    void Promise.all(ended).then(() => {
      areGone = true;
    });
    const received = new Map<number, number[]>();
    const take = ({ value, publisher }: Message<number>) => {
      const values = received.get(publisher) ?? [];
      received.set(publisher, values);
      values.push(value);
    };
    while (!areGone) {
      // Slower than they are: it takes a few at a time.
      subscriber.poll(take, 10);
      await new Promise(setImmediate);
    }
    await Promise.all(ended);
    subscriber.poll(take);
    for (const values of received.values()) expect(values).toEqual([...values].sort((a, b) => a - b));
    const count = [...received.values()].reduce((sum, { length }) => sum + length, 0);
    expect({ count: count + missing, refused: missing > 0 }).toEqual({
      count: PUBLISHERS * MESSAGES,
      refused: join !== '',
    });
  });
});
