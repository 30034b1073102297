import { describe, expect, it } from 'vitest';
import { ended, exitAtEndOfInput, killed, sayAll, startAgent } from '../e2e/channel-agent.js';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { containers, isPossible } from './namespaces.js';

ownDirectory('containers');

/** Part of a body: answers `who` with itself and the table, and `die` by killing itself. */
const answer = `
  ${exitAtEndOfInput}
  import { readlinkSync } from 'node:fs';
  import { readTable, someoneSleeps, tableWhere } from './dist/support/slots.js';
  const answers = {
    who: () => {
      const namespace = /\\d+/.exec(readlinkSync('/proc/self/ns/pid'))[0];
      say('self', process.pid + '@' + namespace);
      say('slots', ...readTable(channel.name).slots.map(({ pid, pidNamespace }) => pid + '@' + pidNamespace));
    },
    die: () => process.kill(process.pid, 'SIGKILL'),
  };
  process.stdin.on('data', (data) => {
    for (const line of String(data).trim().split('\\n')) answers[line]?.();
  });
`;

/** Publishes each time that a subscriber is asleep, so that it takes the doorbell. */
const publishToSleepers = `
  ${answer}
  let value = 0;
  answers.publish = async () => {
    await tableWhere(channel.name, someoneSleeps);
    publisher.tryPublish(++value);
  };
`;

for (const container of containers) {
  const { title, within, withInit } = container;
  const start = { within };

  describe.skipIf(!isPossible(container))(`${title} (where unshare is allowed)`, () => {
    it('talk, and wake each other, and stand in the table with their own pids and namespaces', async () => {
      const name = uniqueName('talk');
      const subscriber = await startAgent('subscriber', name, sayAll + answer, { start });
      const publisher = await startAgent('publisher', name, publishToSleepers, { start });
      for (let sequence = 1; sequence <= 5; sequence++) {
        publisher.send('publish');
        await subscriber.waitForLine(new RegExp(`^message ${sequence} ${sequence}$`));
      }
      const selves: string[] = [];
      const slots: string[] = [];
      for (const program of [subscriber, publisher]) {
        program.send('who');
        selves.push((await program.waitForLine(/^self (.*)$/))[1] ?? '');
        slots.push((await program.waitForLine(/^slots (.*)$/))[1] ?? '');
      }
      expect(selves.map((self) => self.split('@')[0])).toEqual(['1', '1']);
      expect(new Set(selves).size).toBe(2);
      expect(slots).toEqual([selves.join(' '), selves.join(' ')]);
      await ended(publisher);
      await subscriber.waitForLine(/^gone left$/);
      await ended(subscriber);
    });

    it('hear of a publisher whose container was killed; the next one goes on', async () => {
      const name = uniqueName('killed');
      const subscriber = await startAgent('subscriber', name, sayAll + answer, { start });
      const publisher = await startAgent('publisher', name, publishToSleepers, { start });
      publisher.send('publish');
      await subscriber.waitForLine(/^message 1 1$/);
      await killed(publisher);
      await subscriber.waitForLine(/^gone died$/);
      subscriber.send('who');
      expect((await subscriber.waitForLine(/^slots (.*)$/))[1]).toMatch(/^1@\d+$/);
      const next = await startAgent('publisher', name, publishToSleepers, { start });
      next.send('publish');
      await subscriber.waitForLine(/^message 2 1$/);
      await ended(next);
      await ended(subscriber);
    });

    it('leave in good order at a signal, as the first process of their container too', async () => {
      const name = uniqueName('signal');
      const subscriber = await startAgent('subscriber', name, sayAll, { start });
      const publisher = await startAgent(
        'publisher',
        name,
        `await publisher.publish('last');
         process.kill(process.pid, 'SIGTERM');
         setInterval(() => {}, 1000);`,
        { start },
      );
      expect((await publisher.exit()).status).toBe(128 + 15);
      await subscriber.waitForLine(/^message 1 "last"$/);
      await subscriber.waitForLine(/^gone left$/);
      await ended(subscriber);
    });

    it('hear of a subscriber that was killed in a container that lives on', async () => {
      const name = uniqueName('blocked');
      const subscriber = await startAgent('subscriber', name, answer, { start: { within: withInit } });
      const publisher = await startAgent(
        'publisher',
        name,
        `while (publisher.tryPublish(1) === 'published');
         say('full');
         await publisher.publish(2);
         say('room');
         await publisher.close();`,
        { start },
      );
      await publisher.waitForLine(/^full$/);
      subscriber.send('die');
      await publisher.waitForLine(/^room$/);
      await publisher.success();
      await killed(subscriber);
    });

    it('take over the lock of a publisher that was killed', async () => {
      const name = uniqueName('lock');
      const subscriber = await startAgent('subscriber', name, sayAll, { start });
      const dying = await startAgent(
        'publisher',
        name,
        `${answer}
         import { openSegment } from '@mmfbus/core/internal';
         const { memory } = openSegment({ name: channel.name, disposition: 'open', size: 0 });
         new Int32Array(memory.buffer)[192 / 4] = new DataView(memory.buffer).getUint32(512 + 256 + 36, true) << 10 | 1;
         say('holds');`,
        { start: { within: withInit } },
      );
      await dying.waitForLine(/^holds$/);
      dying.send('die');
      await subscriber.waitForLine(/^gone died$/);
      const next = await startAgent('publisher', name, `${answer} await publisher.publish('on');`, {
        start,
      });
      await subscriber.waitForLine(/^message 1 "on"$/);
      await ended(next);
      await ended(subscriber);
      await killed(dying);
    });

    it('reclaim the dead in each of their channels, long after the first', async () => {
      const first = uniqueName('first');
      const second = uniqueName('second');
      const subscriber = await startAgent('subscriber', first, sayAll, { start });
      const witness = await startAgent('subscriber', second, sayAll + answer, {
        join: "delivery: 'lossy'",
        start,
      });
      const dying = await startAgent(
        'publisher',
        first,
        `${answer}
         const other = defineChannel({ name: ${JSON.stringify(second)}, capacity: 4096 });
         await other.subscriber();
         say('both');`,
        { start },
      );
      await dying.waitForLine(/^both$/);
      await killed(dying);
      await subscriber.waitForLine(/^gone died$/);
      // It has been reclaimed in the first channel by now; the reliable subscriber in the second is proved dead all the same.
      const publisher = await startAgent('publisher', second, publishToSleepers, { start });
      publisher.send('who');
      expect((await publisher.waitForLine(/^slots (.*)$/))[1]?.split(' ')).toHaveLength(2);
      await ended(publisher);
      await ended(witness);
      await ended(subscriber);
    });
  });
}
