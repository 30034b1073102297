import { defineChannel, type Gap, type Slow } from '@mmfbus/channel';
import { struct, u32 } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { startAgent } from '../e2e/channel-agent.js';
import { codeOf, define, fill, publisherOf, subscriberOf } from '../support/channels.js';
import { someoneSleeps, tableWhere } from '../support/slots.js';
import { uniqueName } from '../support/unique-name.js';

describe('a full ring', () => {
  it('keeps everything for a reliable subscriber', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    expect(count).toBe(127);
    expect(publisher.tryPublish(0)).toBe('full');
    const received: number[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(publisher.tryPublish(0)).toBe('published');
  });

  it('is awaited by publish, in order', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const waiting = [publisher.publish(1000), publisher.publish(1001)];
    expect(publisher.tryPublish(1002)).toBe('full');
    const received: number[] = [];
    for await (const { value } of subscriber) if (received.push(value) === count + 2) break;
    await Promise.all(waiting);
    expect(received.slice(count)).toEqual([1000, 1001]);
    expect(publisher.tryPublish(1)).toBe('published');
  });

  it('is awaited by any number of calls, without a warning of Node', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    const waiting = Array.from({ length: 20 }, (_, index) => publisher.publish(index));
    subscriber.on('message', () => {});
    await Promise.all(waiting);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('is awaited until the signal says otherwise', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const abort = new AbortController();
    const waiting = publisher.publish(1, { signal: abort.signal });
    const behind = publisher.publish(2);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(publisher.publish(3, { signal: abort.signal })).rejects.toThrow('enough');
    const received: number[] = [];
    for await (const { value } of subscriber) if (received.push(value) === count + 1) break;
    await behind;
    expect(received.at(-1)).toBe(2);
  });

  it('is awaited for as long as the timeout says, which names whom it waited for', async () => {
    const channel = define();
    await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    await expect(publisher.publish(1, { timeout: 5 })).rejects.toThrow(
      /nothing happened within 5 ms: the reliable subscriber in slot 0 is 4064 bytes behind, the ring has 4096/,
    );
    expect(await codeOf(() => publisher.publish(1, { timeout: 0 }))).toBe('TIMEOUT');
    expect(await codeOf(() => publisher.drain({ timeout: 0 }))).toBe('TIMEOUT');
    expect(await codeOf(() => publisher.publish(1, { timeout: -1 }))).toBe('INVALID_ARGUMENT');
  });

  it('wakes publishers that wait for one that another publisher disconnects', async () => {
    const channel = define();
    await subscriberOf(channel);
    const patient = await startAgent(
      'publisher',
      channel.name,
      `while (publisher.tryPublish(1) === 'published');
       await publisher.publish(1);
       say('room');
       await publisher.close();`,
    );
    await tableWhere(channel.name, someoneSleeps);
    const impatient = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    expect(impatient.tryPublish(1)).toBe('published');
    await patient.waitForLine(/^room$/);
    await patient.success();
  });

  it('disconnects no participant for room that a message might have needed, and does not', async () => {
    // Five bytes a number at most, and one in fact.
    const names = Array.from({ length: 90 }, (_, index) => `n${index}`);
    const schema = struct(Object.fromEntries(names.map((name) => [name, u32()])));
    const channel = defineChannel({ name: uniqueName('channel'), capacity: 4096, schema });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    const message = Object.fromEntries(names.map((name) => [name, 0]));
    for (let count = 0; count < 8; count++) expect(publisher.tryPublish(message)).toBe('published');
    expect(subscriber.poll(() => {})).toBe(8);
  });

  it('disconnects the slow subscriber, where the publisher wants that, and no other', async () => {
    const channel = define();
    const slow = await subscriberOf(channel);
    const fast = await subscriberOf(channel);
    const publisher = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    const received: number[] = [];
    for (let value = 1; value <= 200; value++) {
      expect(publisher.tryPublish(value)).toBe('published');
      if (value % 50 === 0) fast.poll(({ value: got }) => received.push(got));
    }
    expect(received).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect([slow.isOpen, fast.isOpen]).toEqual([true, true]);
    const reasons: string[] = [];
    slow.on('close', ({ reason }) => reasons.push(reason));
    slow.poll(() => expect.fail('a message from a ring that went on'));
    expect([slow.isOpen, reasons]).toEqual([false, ['disconnected']]);
  });

  it('says slow before it comes to that, once until it has caught up', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    for (const delivery of ['reliable', 'lossy'] as const) {
      const subscriber = await subscriberOf(channel, { delivery });
      const lags: Slow[] = [];
      subscriber.on('slow', (slow) => lags.push(slow));
      const pass = (count: number) => {
        for (let value = 0; value < count; value++) publisher.tryPublish(value);
        subscriber.poll(() => {});
      };
      pass(63);
      expect(lags).toEqual([]);
      pass(64);
      pass(100);
      expect(lags).toEqual([{ lag: 2048, capacity: 4096 }]);
      pass(1);
      pass(65);
      expect(lags).toEqual([
        { lag: 2048, capacity: 4096 },
        { lag: 2080, capacity: 4096 },
      ]);
      await subscriber.close();
    }
  });

  it('laps a lossy subscriber, which learns exactly what it lost', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { delivery: 'lossy' });
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 1000; value++) expect(publisher.tryPublish(value)).toBe('published');
    const gaps: Gap[] = [];
    const received: number[] = [];
    subscriber.on('gap', (gap) => gaps.push(gap));
    subscriber.poll(({ value }) => received.push(value));
    expect(gaps).toEqual([{ from: 1, to: 1000 - received.length, count: 1000 - received.length }]);
    expect(received).toEqual(
      Array.from({ length: received.length }, (_, index) => 1000 - received.length + 1 + index),
    );
    expect(received.length).toBeGreaterThan(100);
  });

  it('is drained before the publisher closes', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const drained = publisher.drain();
    let received = 0;
    subscriber.on('message', () => received++);
    await drained;
    expect(received).toBe(count);
    expect(await codeOf(() => publisher.tryPublish(1))).toBe('CLOSED');
  });

  it('is drained behind what waits to be published, and what comes later fails', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const waiting = publisher.publish(1000);
    const drained = publisher.drain();
    const late = publisher.publish(1001);
    const received: number[] = [];
    subscriber.on('message', ({ value }) => received.push(value));
    await Promise.all([waiting, drained, expect(late).rejects.toMatchObject({ code: 'CLOSED' })]);
    expect(received.slice(count)).toEqual([1000]);
  });

  it('is not drained where the signal comes first', async () => {
    const channel = define();
    await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    await expect(publisher.drain({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    expect(publisher.tryPublish(1)).toBe('published');
  });
});
