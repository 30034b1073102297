import type { MessageIterator, Subscriber } from '@mmfbus/channel';
import {
  comes,
  never,
  neverOf,
  outcomeNow,
  outcomeOf,
  type Scene,
  type Subject,
  THROWN,
} from '../contract.js';
import type { Kit } from '../kit.js';
import { insideMessage, pair, peerChannel, publishNumbers } from './channels.js';

const NO_SPACE_NEEDED = 'taking needs none; the rows of joining have it';

/** One step of an iteration that has nothing to take. */
async function waitingStep(kit: Kit): Promise<Scene> {
  const { publisher, subscriber } = await pair(kit);
  const iterator = subscriber[Symbol.asyncIterator]();
  let value = 0;
  return {
    call: () => iterator.next(),
    release: () => publishNumbers(publisher, ++value, ++value),
    close: () => subscriber.close(),
    drain: () => subscriber.drain(),
    cancel: () => iterator.return(),
  };
}

const iteration: Subject = {
  name: 'channel.Subscriber#[asyncIterator]',
  scene: waitingStep,
  cells: {
    'called after close': comes('done'),
    'closed while it waits': comes('done'),
    'called after drain': comes('done, done', async (kit) => {
      const { subscriber } = await pair(kit);
      await subscriber.drain();
      const iterator = subscriber[Symbol.asyncIterator]();
      return `${await outcomeOf(() => iterator.next())}, ${await outcomeOf(() => iterator.next())}`;
    }),
    'drained while it waits': comes('done, settles', async (kit) => {
      const { call, drain: drained } = await waitingStep(kit);
      const next = outcomeOf(() => call());
      await kit.waits(next);
      const drainOutcome = outcomeOf(() => drained?.());
      return `${await kit.until('next to settle', next)}, ${await kit.until('drain to settle', drainOutcome)}`;
    }),
    ...neverOf('an iteration is cancelled by `return`', 'aborted', 'aborted before', 'timed out'),
    cancelled: comes('done, done; value 1', async (kit) => {
      // What is abandoned swallows nothing.
      const { publisher, subscriber } = await pair(kit);
      const iterator = subscriber[Symbol.asyncIterator]();
      const next = outcomeOf(() => iterator.next());
      await kit.waits(next);
      const returned = await kit.until(
        'return to settle',
        outcomeOf(() => iterator.return()),
      );
      const settled = await kit.until('the abandoned next to settle', next);
      publisher.tryPublish(1);
      const other = subscriber[Symbol.asyncIterator]();
      return `${settled}, ${returned}; ${await kit.until(
        'the next iterator',
        outcomeOf(() => other.next()),
      )}`;
    }),
    'its listener is removed': comes('IN_USE, value 2', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      const listener = (): void => {};
      subscriber.on('message', listener);
      const early = await outcomeOf(() => subscriber[Symbol.asyncIterator]().next());
      publisher.tryPublish(1);
      await new Promise<void>((resolve) => subscriber.once('message', () => resolve()));
      subscriber.off('message', listener);
      publisher.tryPublish(2);
      return `${early}, ${await kit.until(
        'next to settle',
        outcomeOf(() => subscriber[Symbol.asyncIterator]().next()),
      )}`;
    }),
    'called twice': comes('value 1, value 2'),
    'called inside a handler': comes('IN_USE', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      let outcome: Promise<string> | undefined;
      const inside = insideMessage(subscriber, () => {
        outcome = outcomeOf(() => subscriber[Symbol.asyncIterator]().next());
      });
      publisher.tryPublish(1);
      await inside;
      return kit.until('next to settle', outcome!);
    }),
    'called re-entrantly': comes('1 IN_USE 2 IN_USE', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 2);
      const log: unknown[] = [];
      for await (const { value } of subscriber) {
        log.push(value, await outcomeOf(() => subscriber[Symbol.asyncIterator]().next()));
        if (value === 2) break;
      }
      return log.join(' ');
    }),
    'its callback throws': comes('1 thrown 2', async (kit) => {
      // What the body of a loop throws leaves it, as `break` does.
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 2);
      const log: unknown[] = [];
      const loop = async (): Promise<void> => {
        for await (const { value } of subscriber) {
          log.push(value);
          throw THROWN;
        }
      };
      log.push(await outcomeOf(loop));
      log.push((await subscriber[Symbol.asyncIterator]().next()).value?.value);
      return log.join(' ');
    }),
    'the peer dies': comes('value 1, value 2, done', async (kit) => {
      const channel = kit.define();
      const subscriber = await kit.subscriber(channel, { closeWithPublishers: true });
      const peer = await kit.peer();
      await peer.ask('publisher', peerChannel(channel));
      for (const value of [1, 2]) await peer.ask('publish', value);
      const iterator = subscriber[Symbol.asyncIterator]();
      const steps = [
        outcomeOf(() => iterator.next()),
        outcomeOf(() => iterator.next()),
        outcomeOf(() => iterator.next()),
      ];
      await kit.waits(steps[2]!);
      await peer.kill();
      return (await kit.until('the iteration to end', Promise.all(steps))).join(', ');
    }),
    'the peer is stopped': comes('value 1, done, done', async (kit) => {
      const channel = kit.define();
      const subscriber = await kit.subscriber(channel);
      const peer = await kit.peer();
      await peer.ask('publisher', peerChannel(channel));
      await peer.ask('publish', 1);
      await peer.halt('stop', 'publish', 2);
      const iterator = subscriber[Symbol.asyncIterator]();
      const first = await kit.until(
        'what came before the stop',
        outcomeOf(() => iterator.next()),
      );
      const second = outcomeOf(() => iterator.next());
      await kit.waits(second);
      const returned = await kit.until(
        'return to settle',
        outcomeOf(() => iterator.return()),
      );
      return `${first}, ${await second}, ${returned}`;
    }),
    'without descriptors': comes('value 1, then value 2', async (kit) => {
      const { call, release } = await waitingStep(kit);
      const during = await kit.withoutDescriptors(async () => {
        release?.();
        return kit.until(
          'next to settle',
          outcomeOf(() => call()),
        );
      });
      return `${during}, then ${await outcomeOf(() => call())}`;
    }),
    'without space': never(NO_SPACE_NEEDED),
  },
};

/** All that a poll hands over, and what came of it. */
function polled(subscriber: Subscriber<unknown>, handler: (value: unknown) => unknown): string {
  const log: unknown[] = [];
  const outcome = outcomeNow(() =>
    subscriber.poll(({ value }) => {
      log.push(value);
      const inner = handler(value);
      if (inner !== undefined) log.push(inner);
    }),
  );
  return [...log, outcome].join(' ');
}

const poll: Subject = {
  name: 'channel.Subscriber#poll',
  cells: {
    'called after close': comes('CLOSED', async (kit) => {
      const { subscriber } = await pair(kit);
      await subscriber.close();
      return polled(subscriber, () => {});
    }),
    'closed while it waits': comes('1 2 2', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 60);
      return polled(subscriber, (value) => {
        if (value === 2) void subscriber.close();
      });
    }),
    'called after drain': comes('CLOSED', async (kit) => {
      const { subscriber } = await pair(kit);
      await subscriber.drain();
      return polled(subscriber, () => {});
    }),
    'drained while it waits': comes(/^1( 2 3)? [13], settles$/, async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 3);
      let drained: Promise<string> | undefined;
      const text = polled(subscriber, () => {
        drained ??= outcomeOf(() => subscriber.drain());
      });
      return `${text}, ${await kit.until('drain to settle', drained!)}`;
    }),
    ...neverOf('it does not wait', 'aborted', 'aborted before', 'timed out', 'cancelled'),
    'its listener is removed': comes('IN_USE, 1 2 2', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      const listener = (): void => {};
      subscriber.on('message', listener);
      const early = polled(subscriber, () => {});
      subscriber.off('message', listener);
      publishNumbers(publisher, 1, 2);
      return `${early}, ${polled(subscriber, () => {})}`;
    }),
    'called twice': comes('1 2 2, 0', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 2);
      return `${polled(subscriber, () => {})}, ${polled(subscriber, () => {})}`;
    }),
    'called inside a handler': comes('IN_USE', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      let outcome = '';
      const inside = insideMessage(subscriber, () => {
        outcome = polled(subscriber, () => {});
      });
      publisher.tryPublish(1);
      await kit.until('the handler', inside);
      return outcome;
    }),
    'called re-entrantly': comes('1 IN_USE 2 IN_USE 2', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 2);
      return polled(subscriber, () => polled(subscriber, () => {}));
    }),
    'its callback throws': comes('1 2 thrown, INVALID_ARGUMENT, 3 1', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 3);
      const first = polled(subscriber, (value) => {
        if (value === 2) throw THROWN;
      });
      // What is no function at all takes no message.
      const refused = outcomeNow(() => subscriber.poll(undefined as unknown as () => void));
      return `${first}, ${refused}, ${polled(subscriber, () => {})}`;
    }),
    'the peer dies': comes('1 2 2', async (kit) => {
      const channel = kit.define();
      const subscriber = await kit.subscriber(channel);
      const peer = await kit.peer();
      await peer.ask('publisher', peerChannel(channel));
      for (const value of [1, 2]) await peer.ask('publish', value);
      await peer.kill();
      return polled(subscriber, () => {});
    }),
    'the peer is stopped': comes('1 1', async (kit) => {
      const channel = kit.define();
      const subscriber = await kit.subscriber(channel);
      const peer = await kit.peer();
      await peer.ask('publisher', peerChannel(channel));
      await peer.ask('publish', 1);
      await peer.halt('stop', 'publish', 2);
      return polled(subscriber, () => {});
    }),
    'without descriptors': comes('1 2 2', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 2);
      return kit.withoutDescriptors(async () => polled(subscriber, () => {}));
    }),
    'without space': never(NO_SPACE_NEEDED),
  },
};

type Ending = 'return' | 'throw' | typeof Symbol.asyncDispose;

/** What ends an iteration, whatever it waits for. */
function ending(method: Ending): Subject {
  const isThrow = method === 'throw';
  const ends = method === 'return' ? 'done' : isThrow ? 'thrown' : 'settles';
  const call = (iterator: MessageIterator<unknown>): unknown =>
    isThrow ? iterator.throw(THROWN) : iterator[method]();
  const plain = comes(ends, async (kit) => {
    const { subscriber } = await pair(kit);
    const iterator = subscriber[Symbol.asyncIterator]();
    await subscriber.close();
    return kit.until(
      'the end of the iteration',
      outcomeOf(() => call(iterator)),
    );
  });
  return {
    name: `channel.MessageIterator#${typeof method === 'string' ? method : '[asyncDispose]'}`,
    cells: {
      'called after close': plain,
      ...neverOf('it settles at once', 'closed while it waits', 'drained while it waits'),
      'called after drain': plain,
      ...neverOf('it takes no options', 'aborted', 'aborted before', 'timed out'),
      cancelled: comes(`done, ${ends}`, async (kit) => {
        const { subscriber } = await pair(kit);
        const iterator = subscriber[Symbol.asyncIterator]();
        const next = outcomeOf(() => iterator.next());
        await kit.waits(next);
        const outcome = await kit.until(
          'the end of the iteration',
          outcomeOf(() => call(iterator)),
        );
        return `${await kit.until('next to settle', next)}, ${outcome}`;
      }),
      'called twice': comes(`${ends}, ${ends}`, async (kit) => {
        const { subscriber } = await pair(kit);
        const iterator = subscriber[Symbol.asyncIterator]();
        return `${await outcomeOf(() => call(iterator))}, ${await outcomeOf(() => call(iterator))}`;
      }),
      'called re-entrantly': comes(`1 ${ends}, 2`, async (kit) => {
        // In its own loop, which takes no more, and loses nothing.
        const { publisher, subscriber } = await pair(kit);
        publishNumbers(publisher, 1, 2);
        const log: unknown[] = [];
        const iterator = subscriber[Symbol.asyncIterator]();
        for await (const { value } of iterator) log.push(value, await outcomeOf(() => call(iterator)));
        subscriber.poll(({ value }) => log.push(`, ${value}`));
        return log.join(' ').replace(' ,', ',');
      }),
      ...neverOf(
        'it waits for nothing and takes no callback',
        'its listener is removed',
        'called inside a handler',
        'its callback throws',
        'the peer dies',
        'the peer is stopped',
        'without descriptors',
        'without space',
      ),
    },
  };
}

/** Taking messages without listeners. */
export const takingSubjects: readonly Subject[] = [
  iteration,
  { ...iteration, name: 'channel.MessageIterator#next' },
  { ...iteration, name: 'channel.MessageIterator#[asyncIterator]' },
  ending('return'),
  ending('throw'),
  ending(Symbol.asyncDispose),
  poll,
];
