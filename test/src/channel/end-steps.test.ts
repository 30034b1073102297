import { expect, it, vi } from 'vitest';
import { define, subscriberOf } from '../support/channels.js';

/** Called at each step of the protocol; in place before the packages are loaded. */
const hook = vi.hoisted(() => {
  const steps = { at: (_step: string) => {} };
  const global = globalThis as { [name: symbol]: (step: string) => void };
  global[Symbol.for('mmfbus.steps')] = (step) => steps.at(step);
  return steps;
});

it.each([
  'leave: reason stored',
  'leave: closed',
  'leave: end stored',
  'leave: state stored',
  'leave: epoch raised',
])('the last publisher leaves, and a subscriber that looks at the step %j closes with it', async (step) => {
  const channel = define();
  const subscriber = await subscriberOf(channel, { closeWithPublishers: true });
  const publisher = await channel.publisher();
  subscriber.poll(() => {});
  let looks = 0;
  hook.at = (taken) => {
    if (taken !== step || !subscriber.isOpen) return;
    looks++;
    subscriber.poll(() => {});
  };
  await publisher.close();
  hook.at = () => {};
  if (subscriber.isOpen) subscriber.poll(() => {});
  expect(looks).toBe(1);
  expect(await subscriber.closed).toEqual({ reason: 'left' });
});
