import type { Subscriber } from '@mmfbus/channel';
import {
  type CallOptions,
  comes,
  never,
  neverOf,
  outcomeOf,
  type Scene,
  type Subject,
  THROWN,
} from '../contract.js';
import type { Kit } from '../kit.js';
import { lockHolder, pair, publishNumbers } from './channels.js';

const NO_SPACE_NEEDED = 'taking needs none; the rows of joining have it';

/** A subscriber that an iterator takes messages from, and has not asked for the last two of three. */
async function halfTaken(
  kit: Kit,
): Promise<{ readonly subscriber: Subscriber<unknown>; takeRest(): Promise<void> }> {
  const { publisher, subscriber } = await pair(kit);
  publishNumbers(publisher, 1, 3);
  const iterator = subscriber[Symbol.asyncIterator]();
  await iterator.next();
  return {
    subscriber,
    takeRest: async () => {
      for (let step = await iterator.next(); step.done !== true; step = await iterator.next());
    },
  };
}

const drain: Subject = {
  name: 'channel.Subscriber#drain',
  scene: async (kit) => {
    const { subscriber, takeRest } = await halfTaken(kit);
    const call: (options?: CallOptions) => Promise<void> = subscriber.drain.bind(subscriber);
    return {
      call,
      release: () => void takeRest(),
      close: () => subscriber.close(),
      drain: () => subscriber.drain(),
    };
  },
  peerScene: async (kit, end) => {
    const channel = kit.define();
    const subscriber = await kit.subscriber(channel);
    subscriber.on('message', () => {});
    const peer = await lockHolder(kit, channel, end === 'killed' ? 'kill' : 'stop');
    return { call: () => subscriber.drain(), release: () => (end === 'killed' ? undefined : peer.goOn()) };
  },
  cells: {
    'called after close': comes('settles'),
    'closed while it waits': comes(/^(settles|CLOSED)$/),
    'called after drain': comes('settles', async (kit) => {
      const { subscriber } = await pair(kit);
      await kit.until('the first drain', subscriber.drain());
      return kit.until(
        'the second drain',
        outcomeOf(() => subscriber.drain()),
      );
    }),
    'drained while it waits': comes('settles, settles'),
    aborted: comes('reason'),
    'aborted before': comes('reason'),
    'timed out': comes('TIMEOUT'),
    cancelled: comes('settles', async (kit) => {
      // The loop is left while it drains: messages are not taken any more.
      const { publisher, subscriber } = await pair(kit);
      publishNumbers(publisher, 1, 3);
      const iterator = subscriber[Symbol.asyncIterator]();
      await iterator.next();
      const outcome = outcomeOf(() => subscriber.drain());
      await kit.waits(outcome);
      await kit.until('the iterator to return', iterator.return());
      return kit.until('drain to settle', outcome);
    }),
    'its listener is removed': comes('settles', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      const listener = (): void => {
        subscriber.off('message', listener);
      };
      subscriber.on('message', listener);
      publishNumbers(publisher, 1, 3);
      return kit.until(
        'drain to settle',
        outcomeOf(() => subscriber.drain()),
      );
    }),
    'called twice': comes('settles, settles'),
    'called inside a handler': comes('1 2 3 settles', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      const log: unknown[] = [];
      let outcome: Promise<string> | undefined;
      subscriber.on('message', ({ value }) => {
        log.push(value);
        outcome ??= outcomeOf(() => subscriber.drain());
      });
      publishNumbers(publisher, 1, 3);
      while (outcome === undefined) await kit.turns();
      log.push(await kit.until('drain to settle', outcome));
      return log.join(' ');
    }),
    'called re-entrantly': comes(/^1 (settles|TIMEOUT) settles$/, async (kit) => {
      // Awaited in the very loop that would have to go on.
      const { publisher, subscriber } = await pair(kit);
      const drain: (options?: CallOptions) => Promise<void> = subscriber.drain.bind(subscriber);
      const log: unknown[] = [];
      publishNumbers(publisher, 1, 3);
      const loop = async (): Promise<void> => {
        for await (const { value } of subscriber) {
          log.push(value, await outcomeOf(() => drain({ timeout: 20 })));
          break;
        }
      };
      await kit.until('the loop that awaits drain to end', loop());
      log.push(
        await kit.until(
          'drain to settle',
          outcomeOf(() => subscriber.drain()),
        ),
      );
      return log.join(' ');
    }),
    'its callback throws': comes('settles, thrown', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      subscriber.on('message', () => {
        throw THROWN;
      });
      publisher.tryPublish(1);
      const outcome = await kit.until(
        'drain to settle',
        outcomeOf(() => subscriber.drain()),
      );
      return [
        outcome,
        ...kit.takeUncaught().map((error) => (error === THROWN ? 'thrown' : String(error))),
      ].join(', ');
    }),
    'the peer dies': comes('settles'),
    'the peer is stopped': comes('settles', async (kit) => {
      // What it was about to publish is not published yet.
      const scene = await drain.peerScene!(kit, 'stopped');
      return kit.until(
        'drain to settle',
        outcomeOf(() => scene.call()),
      );
    }),
    'without descriptors': comes('settles', async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      subscriber.on('message', () => {});
      publishNumbers(publisher, 1, 3);
      return kit.withoutDescriptors(() =>
        kit.until(
          'drain to settle',
          outcomeOf(() => subscriber.drain()),
        ),
      );
    }),
    'without space': never(NO_SPACE_NEEDED),
  },
};

function closing(method: 'close' | typeof Symbol.asyncDispose): Subject {
  const scene = async (kit: Kit): Promise<Scene> => {
    const { subscriber } = await halfTaken(kit);
    return {
      call: subscriber[method].bind(subscriber),
      close: () => subscriber.close(),
      drain: () => subscriber.drain(),
      inside: async (action) => {
        const { publisher } = await pair(kit);
        publisher.tryPublish('unrelated');
        await action();
      },
    };
  };
  return {
    name: `channel.Subscriber#${method === 'close' ? 'close' : '[asyncDispose]'}`,
    scene,
    cells: {
      'called after close': comes('settles'),
      'closed while it waits': never('closing a subscriber takes no lock'),
      'called after drain': comes('settles, settles', async (kit) => {
        const { subscriber } = await pair(kit);
        const drained = await kit.until(
          'drain to settle',
          outcomeOf(() => subscriber.drain()),
        );
        return `${drained}, ${await kit.until(
          'close to settle',
          outcomeOf(() => subscriber[method]()),
        )}`;
      }),
      'drained while it waits': comes(/^settles, (settles|CLOSED)$/, async (kit) => {
        const { subscriber } = await halfTaken(kit);
        const drained = outcomeOf(() => subscriber.drain());
        const closed = await kit.until(
          'close to settle',
          outcomeOf(() => subscriber[method]()),
        );
        return `${closed}, ${await kit.until('drain to settle', drained)}`;
      }),
      ...neverOf('closing a subscriber waits for nothing', 'aborted', 'aborted before', 'timed out'),
      cancelled: comes('settles, done', async (kit) => {
        const { subscriber } = await pair(kit);
        const iterator = subscriber[Symbol.asyncIterator]();
        const next = outcomeOf(() => iterator.next());
        await kit.waits(next);
        const closed = await kit.until(
          'close to settle',
          outcomeOf(() => subscriber[method]()),
        );
        return `${closed}, ${await kit.until('next to settle', next)}`;
      }),
      'its listener is removed': comes('settles', async (kit) => {
        const { subscriber } = await pair(kit);
        const listener = (): void => {};
        subscriber.on('message', listener).off('message', listener);
        return kit.until(
          'close to settle',
          outcomeOf(() => subscriber[method]()),
        );
      }),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('1 close settles', async (kit) => {
        const { publisher, subscriber } = await pair(kit);
        const log: unknown[] = [];
        let outcome: Promise<string> | undefined;
        subscriber.on('close', () => log.push('close'));
        subscriber.on('message', ({ value }) => {
          log.push(value);
          outcome = outcomeOf(() => subscriber[method]());
        });
        publishNumbers(publisher, 1, 60);
        while (outcome === undefined) await kit.turns();
        log.push(await kit.until('close to settle', outcome));
        await kit.turns();
        return log.join(' ');
      }),
      'called re-entrantly': comes('1 close, settles', async (kit) => {
        const { publisher, subscriber } = await pair(kit);
        const log: unknown[] = [];
        subscriber.on('close', () => {
          log.push('close');
          void subscriber[method]();
        });
        publishNumbers(publisher, 1, 60);
        subscriber.poll(({ value }) => {
          log.push(value);
          void subscriber[method]();
        });
        return `${log.join(' ')}, ${await outcomeOf(() => subscriber[method]())}`;
      }),
      'its callback throws': comes(/^(settles|thrown), settles$/, async (kit) => {
        const { subscriber } = await pair(kit);
        subscriber.on('close', () => {
          throw THROWN;
        });
        const outcomes = [outcomeOf(() => subscriber[method]()), outcomeOf(() => subscriber[method]())];
        const texts = await kit.until('both to settle', Promise.all(outcomes));
        // Where close does not reject with it, no code has caught it.
        await kit.turns();
        kit.takeUncaught();
        return texts.join(', ');
      }),
      'the peer dies': comes('settles', async (kit) => {
        const channel = kit.define();
        const subscriber = await kit.subscriber(channel);
        await lockHolder(kit, channel, 'kill');
        return kit.until(
          'close to settle',
          outcomeOf(() => subscriber[method]()),
        );
      }),
      'the peer is stopped': comes('settles', async (kit) => {
        const channel = kit.define();
        const subscriber = await kit.subscriber(channel);
        await lockHolder(kit, channel, 'stop');
        return kit.until(
          'close to settle',
          outcomeOf(() => subscriber[method]()),
        );
      }),
      'without descriptors': comes('settles, then settles'),
      'without space': comes('settles, then settles'),
    },
  };
}

/** Subscribers, and the calls that wait for what they take. */
export const subscriberSubjects: readonly Subject[] = [drain, closing('close'), closing(Symbol.asyncDispose)];
