import { readdirSync } from 'node:fs';
import { defineChannel } from '@mmfbus/channel';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import { ended, exitAtEndOfInput, killed, sayAll, startAgent } from './channel-agent.js';

ownDirectory('channel');

const publishOnInput = `
  ${exitAtEndOfInput}
  process.stdin.on('data', async (data) => {
    for (const line of String(data).trim().split('\\n')) await publisher.publish(JSON.parse(line));
    say('done');
  });
`;

describe('two processes', () => {
  it.each(['publisher', 'subscriber'])('talk in either order of joining: the %s', async (first) => {
    const name = uniqueName('talk');
    const startPublisher = () => startAgent('publisher', name, publishOnInput);
    const startSubscriber = () => startAgent('subscriber', name, sayAll);
    const one = await (first === 'publisher' ? startPublisher() : startSubscriber());
    const other = await (first === 'publisher' ? startSubscriber() : startPublisher());
    const [publisher, subscriber] = first === 'publisher' ? [one, other] : [other, one];
    publisher.send('{"hello":"there"}');
    expect((await subscriber.waitForLine(/^message.*/))[0]).toBe('message 1 {"hello":"there"}');
    await ended(publisher);
    await subscriber.waitForLine(/^gone left$/);
    await ended(subscriber);
  });

  it('wait for each other when the ring is full, and lose nothing', async () => {
    const name = uniqueName('full');
    const subscriber = await startAgent(
      'subscriber',
      name,
      `let due = 1;
       subscriber.on('message', ({ value, sequence }) => { if (value !== due || sequence !== due) say('wrong', value, due); due++; });
       subscriber.on('close', ({ reason }) => say('got', due - 1, reason));`,
      { join: 'closeWithPublishers: true' },
    );
    const publisher = await startAgent(
      'publisher',
      name,
      'for (let value = 1; value <= 20000; value++) await publisher.publish(value); await publisher.close();',
    );
    await publisher.success();
    expect((await subscriber.waitForLine(/^(got|wrong).*/))[0]).toBe('got 20000 left');
    await subscriber.success();
  });
});

describe('a process that is killed', () => {
  it('as the publisher, mid-stream: subscribers hear of it, and the next one goes on with the next number', async () => {
    const name = uniqueName('died');
    const subscriber = await startAgent('subscriber', name, sayAll);
    const publisher = await startAgent('publisher', name, `await publisher.publish('a'); ${publishOnInput}`);
    await subscriber.waitForLine(/^message 1 "a"$/);
    await killed(publisher);
    await subscriber.waitForLine(/^gone died$/);
    const next = await startAgent('publisher', name, `await publisher.publish('b'); ${publishOnInput}`);
    await subscriber.waitForLine(/^message 2 "b"$/);
    await ended(next);
    await subscriber.waitForLine(/^gone left$/);
    await ended(subscriber);
  });

  it('as a reliable subscriber: a publisher that waits for its room goes on, on proof of its death', async () => {
    const name = uniqueName('blocked');
    const subscriber = await startAgent('subscriber', name, '');
    const publisher = await startAgent(
      'publisher',
      name,
      `while (publisher.tryPublish(1) === 'published');
       say('full');
       await publisher.publish(2);
       say('room');
       await publisher.close();`,
    );
    await publisher.waitForLine(/^full$/);
    await killed(subscriber);
    await publisher.waitForLine(/^room$/);
    await publisher.success();
  });

  it('as a reliable subscriber: a synchronous publish proves it as soon as it needs the room', async () => {
    const name = uniqueName('sync');
    const subscriber = await startAgent('subscriber', name, '');
    const publisher = await startAgent(
      'publisher',
      name,
      `while (publisher.tryPublish(1) === 'published');
       say('full');
       process.stdin.once('data', async () => { say(publisher.tryPublish(2)); await publisher.close(); process.exit(); });`,
    );
    await publisher.waitForLine(/^full$/);
    await killed(subscriber);
    publisher.send('go');
    expect((await publisher.waitForLine(/^(published|full|busy)$/))[0]).toBe('published');
    await publisher.success();
  });

  it('as all there were: the next ones begin anew', async () => {
    const name = uniqueName('all');
    const subscriber = await startAgent('subscriber', name, sayAll);
    const publisher = await startAgent('publisher', name, publishOnInput);
    publisher.send('1');
    await subscriber.waitForLine(/^message 1 1$/);
    await Promise.all([killed(publisher), killed(subscriber)]);
    const next = await startAgent('subscriber', name, sayAll);
    const nextPublisher = await startAgent('publisher', name, publishOnInput);
    nextPublisher.send('7');
    await next.waitForLine(/^message 1 7$/);
    await ended(nextPublisher);
    await ended(next);
  });

  it('with the publisher lock: the next publisher takes it over', async () => {
    const name = uniqueName('lock');
    const subscriber = await startAgent('subscriber', name, sayAll);
    // It takes the lock as FORMAT.md says, and never releases it.
    const dying = await startAgent(
      'publisher',
      name,
      `import { openSegment } from '@mmfbus/core/internal';
       const { memory } = openSegment({ name: channel.name, disposition: 'open', size: 0 });
       const slot = new DataView(memory.buffer).getUint32(512 + 256 + 36, true) << 10 | 1;
       new Int32Array(memory.buffer)[192 / 4] = slot;
       say('holds');
       setInterval(() => {}, 1000);`,
    );
    await dying.waitForLine(/^holds$/);
    await killed(dying);
    await subscriber.waitForLine(/^gone died$/);
    const next = await startAgent('publisher', name, `await publisher.publish('on');`);
    await subscriber.waitForLine(/^message 1 "on"$/);
    await ended(next);
    await ended(subscriber);
  });
});

// Windows has no signals: a process that ends another one there kills it.
const hasSignals = process.platform !== 'win32';
const endingsBySignal = (
  [
    ['by SIGINT', 'process.kill(process.pid, "SIGINT"); setInterval(() => {}, 1000);', null, 'SIGINT'],
    ['by SIGTERM', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);', null, 'SIGTERM'],
  ] as const
).filter(() => hasSignals);

describe('a process that ends', () => {
  it.each([
    ['by process.exit', 'process.exit(0);', 0, null],
    ['by an uncaught exception', "setImmediate(() => { throw new Error('mine'); });", 1, null],
    ...endingsBySignal,
  ] as const)('%s leaves the channel in good order', async (_, body, status, signal) => {
    const name = uniqueName('exit');
    const subscriber = await startAgent('subscriber', name, sayAll);
    const publisher = await startAgent('publisher', name, `await publisher.publish('last'); ${body}`);
    expect(await publisher.exit()).toMatchObject({ status, signal });
    await subscriber.waitForLine(/^message 1 "last"$/);
    await subscriber.waitForLine(/^gone left$/);
    await ended(subscriber);
  });

  it.runIf(hasSignals)('by its own way where it listens to the signal itself', async () => {
    const name = uniqueName('own');
    const publisher = await startAgent(
      'publisher',
      name,
      "process.on('SIGTERM', async () => { await publisher.close(); say('my way'); process.exit(3); }); say('ready'); setInterval(() => {}, 1000);",
    );
    await publisher.waitForLine(/^ready$/);
    publisher.kill('SIGTERM');
    await publisher.waitForLine(/^my way$/);
    expect((await publisher.exit()).status).toBe(3);
  });
});

describe('an idle subscriber', () => {
  it('keeps its process alive until it is closed, and not after unref, but after ref', async () => {
    const name = uniqueName('alive');
    const kept = await startAgent('subscriber', name, "subscriber.on('message', () => subscriber.close());");
    const free = await startAgent(
      'subscriber',
      name,
      "subscriber.on('message', () => {}); subscriber.unref();",
    );
    const again = await startAgent(
      'subscriber',
      name,
      "subscriber.on('message', ({ value }) => { say('heard', value); subscriber.close(); }); subscriber.unref().ref();",
    );
    await free.success();
    const channel = defineChannel<number>({ name });
    await using publisher = await channel.publisher();
    publisher.tryPublish(1);
    await kept.success();
    await again.waitForLine(/^heard 1$/);
    await again.success();
    await publisher.close();
  });

  it.runIf(process.platform === 'linux')('has no thread of its own', async () => {
    const name = uniqueName('idle');
    const answer = `process.stdin.on('data', () => say('here')); ${exitAtEndOfInput}`;
    const without = await startAgent('subscriber', name, `await subscriber.close(); ${answer}`);
    const sleeping = await startAgent('subscriber', name, `subscriber.on('message', () => {}); ${answer}`);
    const threads = [];
    for (const program of [without, sleeping]) {
      program.send('?');
      await program.waitForLine(/^here$/);
      threads.push(readdirSync(`/proc/${program.pid}/task`).length);
      await ended(program);
    }
    expect(threads[1]).toBe(threads[0]);
  });
});
