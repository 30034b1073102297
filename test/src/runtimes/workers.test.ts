import { beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { someoneSleeps, tableWhere } from '../support/slots.js';
import { uniqueName } from '../support/unique-name.js';
import { runOn, startOn } from './runtimes.js';

ownDirectory('runtime-workers');

/**
 * Deno may close what its Worker had open long after that was terminated. Until then the port of the Worker is not proved dead, so what the
 * publisher could not remove falls to the next process that joins.
 */
async function removeLeftovers(): Promise<void> {
  const next = startOn('Node', 'listen', uniqueName('next'));
  await next.waitForLine(/^ready$/);
  next.endInput();
  await next.success();
}

describe('a Worker of Deno', () => {
  // Before anything is started that a test which is skipped would leave.
  beforeEach(() => void runOn('Deno'));

  it('is woken from its sleep, message by message', async () => {
    const name = uniqueName('heard');
    const parent = startOn('Deno', 'worker:listen', name);
    await parent.waitForLine(/^ready$/);
    const publisher = startOn('Node', 'publish', name);
    await publisher.waitForLine(/^ready$/);
    for (let value = 1; value <= 20; value++) {
      await tableWhere(name, someoneSleeps);
      publisher.send(String(value));
      await parent.waitForLine(new RegExp(`^message ${value} ${value}$`));
    }
    parent.endInput();
    await parent.success();
    publisher.endInput();
    await publisher.success();
  });

  it('ends by itself, and leaves in good order', async () => {
    const name = uniqueName('fade');
    const subscriber = startOn('Node', 'listen', name);
    await subscriber.waitForLine(/^ready$/);
    const parent = startOn('Deno', 'worker:fade', name);
    await subscriber.waitForLine(/^message 1 1$/);
    await subscriber.waitForLine(/^gone left$/);
    await parent.waitForLine(/^ended$/);
    parent.endInput();
    await parent.success();
    subscriber.endInput();
    await subscriber.success();
  });

  it.each(['Node', 'Deno'] as const)(
    'that is terminated as a reliable subscriber holds no publisher back: %s',
    async (runtime) => {
      const name = uniqueName('terminated');
      const parent = startOn('Deno', 'worker:hold', name);
      await parent.waitForLine(/^ready$/);
      const publisher = startOn(runtime, 'fill', name);
      await publisher.waitForLine(/^full$/);
      await tableWhere(name, ({ roomWaiters }) => roomWaiters === 1);
      parent.send('terminate');
      await publisher.waitForLine(/^room$/);
      await publisher.success();
      parent.endInput();
      await parent.success();
      await removeLeftovers();
    },
  );

  it('that was terminated before is found by those that join', async () => {
    const name = uniqueName('before');
    const parent = startOn('Deno', 'worker:hold', name);
    await parent.waitForLine(/^ready$/);
    parent.send('terminate');
    await parent.waitForLine(/^ended$/);
    const publisher = startOn('Node', 'fill-sync', name);
    await publisher.waitForLine(/^not full$/);
    await publisher.success();
    parent.endInput();
    await parent.success();
    await removeLeftovers();
  });
});

describe('a Worker of Bun', () => {
  it('is refused: others would not notice when it is terminated', async () => {
    const parent = startOn('Bun', 'worker:refused', uniqueName('worker'));
    const [, code] = await parent.waitForLine(/^(\w+) a Worker of Bun cannot wait for other processes/);
    expect(code).toBe('UNSUPPORTED');
    parent.endInput();
    await parent.success();
  });
});
