import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { leave, linesOf, objectsOf, PRICES, publisherProgram, run } from './command-support.js';

ownDirectory('measuring');

/** Ten messages in each turn of 10 ms. */
const STEADY = `
  const timer = setInterval(() => {
    for (let n = 0; n < 10; n++) publisher.tryPublish({ symbol: 'AAPL', px: n });
  }, 10);
  process.stdin.on('end', () => clearInterval(timer));
`;

describe('hz, bw and delay', () => {
  it('measure a channel by name and all channels, and say nothing of a silent one', async () => {
    const busy = await publisherProgram('busy', PRICES, STEADY);
    const idle = await publisherProgram('idle', PRICES, '');
    const [hz, none] = await objectsOf('hz', '--all', '--for', '0.5');
    expect([hz, none]).toMatchObject([
      { name: 'busy', rate: expect.any(Number), most: expect.any(Number) },
      { name: 'idle', rate: 0, messages: 0 },
    ]);
    expect(hz?.['rate']).toBeGreaterThan(0);
    expect(hz?.['rate']).toBeLessThanOrEqual(hz?.['most'] as number);
    const [bw] = await objectsOf('bw', 'busy', '--for', '0.5');
    // 25 bytes of msgpack a message, in a frame of 64; messages and bytes are not counted at the very same moment.
    const each = (bw?.['bandwidth'] as number) / (bw?.['rate'] as number);
    expect(each).toBeGreaterThan(25 / 2);
    expect(each).toBeLessThan(25 * 2);
    const [delay, untold] = await objectsOf('delay', 'busy', 'idle', '--for', '0.5');
    expect(untold).toMatchObject({
      name: 'idle',
      messages: 0,
      p50: null,
      p99: null,
      max: null,
      histogram: [],
    });
    const { messages, p50, p99, max, histogram } = delay as Record<string, number> & {
      histogram: { count: number }[];
    };
    expect(messages).toBeGreaterThan(0);
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50 as number);
    expect(max).toBeGreaterThanOrEqual(p99 as number);
    expect(histogram.reduce((sum, { count }) => sum + count, 0)).toBe(messages);
    const [head, row] = await linesOf('hz', 'bu*', '--for', '0.2');
    expect([head, row]).toEqual([
      expect.stringMatching(/^CHANNEL +MESSAGES +RATE/),
      expect.stringMatching(/^busy /),
    ]);
    await leave(busy);
    await leave(idle);
  });
});

describe('mmfbus bench', () => {
  it('measures all ways there are, and leaves nothing', async () => {
    const measured = await objectsOf('bench', '--for', '1');
    expect(measured.map(({ way }) => way)).toEqual([
      'typed',
      'typed-batches',
      'dynamic',
      'socket',
      'socket-batches',
    ]);
    for (const { rate, roundTrip } of measured) {
      expect(rate).toBeGreaterThan(0);
      expect((roundTrip as { p50: number }).p50).toBeGreaterThan(0);
    }
    expect((await run('bench', '--for', 'x')).status).toBe(2);
  });
});
