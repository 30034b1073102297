import type { Publisher, PublisherListener } from '@mmfbus/channel';
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
import { lockHolder, pair, peerChannel } from './channels.js';
import { NOT_WAITING, neverOfRemoving } from './events.js';

/** A publisher without subscribers, and one that joins when it is told. */
async function alone(kit: Kit): Promise<Scene> {
  const channel = kit.define<unknown>();
  const publisher = await kit.publisher(channel);
  return {
    call: async (options) => void (await publisher.waitForSubscribers(1, options)),
    release: () => kit.subscriber(channel),
    close: () => publisher.close(),
    drain: () => publisher.drain(),
  };
}

/** A subscriber cannot join, since a peer has stopped with the lock. */
async function withoutLock(kit: Kit, end: 'killed' | 'stopped'): Promise<Scene> {
  const channel = kit.define<unknown>();
  const publisher = await kit.publisher(channel);
  const peer = await lockHolder(kit, channel, 'stop');
  const joined = kit.subscriber(channel);
  return {
    call: async (options) => void (await publisher.waitForSubscribers(1, options)),
    release: async () => {
      await (end === 'killed' ? peer.kill() : peer.goOn());
      await joined;
    },
  };
}

const waitForSubscribers: Subject = {
  name: 'channel.Publisher#waitForSubscribers',
  scene: alone,
  peerScene: withoutLock,
  cells: {
    'called after close': comes('CLOSED'),
    'closed while it waits': comes('CLOSED'),
    'called after drain': comes('CLOSED'),
    'drained while it waits': comes('CLOSED, settles', async (kit) => {
      const scene = await alone(kit);
      const outcome = outcomeOf(() => scene.call());
      await kit.waits(outcome);
      return kit
        .until('both to settle', Promise.all([outcome, outcomeOf(() => scene.drain?.())]))
        .then((all) => all.join(', '));
    }),
    aborted: comes('reason'),
    'aborted before': comes('reason'),
    'timed out': comes('TIMEOUT'),
    cancelled: never('it is not an iteration'),
    'its listener is removed': comes('settles', async (kit) => {
      // Listening and waiting wake up by the same bell, and neither ends the other.
      const channel = kit.define<unknown>();
      const publisher = await kit.publisher(channel);
      const listener = () => {};
      publisher.on('subscriberJoined', listener);
      const outcome = outcomeOf(async () => void (await publisher.waitForSubscribers(1)));
      await kit.waits(outcome);
      publisher.off('subscriberJoined', listener);
      await kit.subscriber(channel);
      return kit.until('the call to settle', outcome);
    }),
    'called twice': comes('settles, settles'),
    'called inside a handler': comes('settles'),
    'called re-entrantly': comes(/^[12], 2$/, async (kit) => {
      const channel = kit.define<unknown>();
      const publisher = await kit.publisher(channel);
      const outcomes: Promise<string>[] = [];
      publisher.on('subscriberJoined', () => {
        outcomes.push(outcomeOf(() => publisher.waitForSubscribers(outcomes.length + 1)));
      });
      for (let count = 0; count < 2; count++) await kit.subscriber(channel);
      while (outcomes.length < 2) await kit.turns();
      return kit.until('both to settle', Promise.all(outcomes)).then((all) => all.join(', '));
    }),
    'its callback throws': never('it takes no callback'),
    'the peer dies': comes('settles'),
    'the peer is stopped': comes('TIMEOUT, reason, then settles'),
    'without descriptors': comes('settles, then settles'),
    'without space': comes('settles, then settles'),
  },
};

/** A publisher whose subscribers come and go, and what it is told of them. */
class Watching {
  readonly log: string[] = [];
  readonly publisher: Publisher<unknown>;
  readonly #kit: Kit;

  constructor(kit: Kit, publisher: Publisher<unknown>) {
    this.#kit = kit;
    this.publisher = publisher;
    publisher.on('subscriberLeft', ({ name, reason }) => this.log.push(`${name} ${reason}`));
  }

  add(method: 'on' | 'once', more: () => unknown = () => {}): PublisherListener<'subscriberJoined'> {
    const listener: PublisherListener<'subscriberJoined'> = ({ name }) => {
      this.log.push(name);
      more();
    };
    this.publisher[method]('subscriberJoined', listener);
    return listener;
  }

  async until(last: string): Promise<string> {
    const told = async (): Promise<void> => {
      while (!this.log.includes(last)) await this.#kit.turns();
      await this.#kit.turns();
    };
    await this.#kit.until(`${last} to be told after ${this.log.join(' ')}`, told());
    return this.log.join(', ');
  }
}

async function watching(kit: Kit) {
  const channel = kit.define<unknown>();
  const watch = new Watching(kit, await kit.publisher(channel));
  /** Joins and leaves, one after the other. */
  const pass = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const subscriber = await kit.subscriber(channel, { name });
      await kit.turns();
      await subscriber.close();
      await watch.until(`${name} left`);
    }
  };
  return { channel, watch, pass };
}

function adding(method: 'on' | 'once'): Subject {
  const isOnce = method === 'once';
  return {
    name: `channel.Publisher#${method}`,
    cells: {
      'called after close': comes('CLOSED', async (kit) => {
        const { watch } = await watching(kit);
        await watch.publisher.close();
        return outcomeNow(() => void watch.add(method));
      }),
      'closed while it waits': comes('a', async (kit) => {
        const { channel, watch } = await watching(kit);
        watch.add(method, () => void watch.publisher.close());
        await kit.subscriber(channel, { name: 'a' });
        await watch.publisher.closed;
        await (await kit.subscriber(channel, { name: 'b' })).close();
        return watch.until('a');
      }),
      'called after drain': comes('CLOSED', async (kit) => {
        const { watch } = await watching(kit);
        await watch.publisher.drain();
        return outcomeNow(() => void watch.add(method));
      }),
      'drained while it waits': comes('a, a left', async (kit) => {
        const { watch, pass } = await watching(kit);
        watch.add(method);
        await pass('a');
        await watch.publisher.drain();
        return watch.until('a left');
      }),
      ...neverOf(NOT_WAITING, 'aborted', 'aborted before', 'timed out', 'cancelled'),
      'its listener is removed': comes('a, a left, b left', async (kit) => {
        const { watch, pass } = await watching(kit);
        const listener = watch.add(method, () => watch.publisher.off('subscriberJoined', listener));
        await pass('a', 'b');
        return watch.until('b left');
      }),
      'called twice': comes(isOnce ? 'a, a, a left, b left' : 'a, a, a left, b, b, b left', async (kit) => {
        const { watch, pass } = await watching(kit);
        watch.add(method);
        watch.add(method);
        await pass('a', 'b');
        return watch.until('b left');
      }),
      'called inside a handler': comes(/^a, a left, b, b, b left/, async (kit) => {
        const { watch, pass } = await watching(kit);
        let isFirst = true;
        watch.add('on', () => {
          if (isFirst) watch.add(method);
          isFirst = false;
        });
        await pass('a', 'b');
        return watch.until('b left');
      }),
      'called re-entrantly': comes('a, a left', async (kit) => {
        // Joining in the handler is told of after it has returned.
        const { channel, watch, pass } = await watching(kit);
        const joined: Promise<unknown>[] = [];
        watch.add(method, () => {
          if (joined.length === 0) joined.push(kit.subscriber(channel, { name: 'inner', delivery: 'lossy' }));
        });
        await pass('a');
        await Promise.all(joined);
        return (await watch.until('a left')).replace(/(, )?inner/, '');
      }),
      'its callback throws': comes(
        isOnce ? 'a, a left, b left, thrown' : 'a, a left, b, b left, thrown, thrown',
        async (kit) => {
          const { watch, pass } = await watching(kit);
          watch.add(method, () => {
            throw THROWN;
          });
          await pass('a', 'b');
          const uncaught = kit.takeUncaught().map((error) => (error === THROWN ? 'thrown' : String(error)));
          return [watch.log.join(', '), ...uncaught].join(', ');
        },
      ),
      'the peer dies': comes('peer, peer died', async (kit) => {
        const { channel, watch } = await watching(kit);
        watch.add(method);
        const peer = await kit.peer();
        await peer.ask('subscriber', peerChannel(channel), true, { name: 'peer' });
        await watch.until('peer');
        await peer.kill();
        return watch.until('peer died');
      }),
      'the peer is stopped': comes('peer, peer left', async (kit) => {
        const { channel, watch } = await watching(kit);
        watch.add(method);
        const peer = await kit.peer();
        await peer.ask('subscriber', peerChannel(channel), true, { name: 'peer' });
        peer.stop();
        await watch.until('peer');
        await peer.goOn();
        await peer.ask('leave');
        return watch.until('peer left');
      }),
      'without descriptors': comes('a', async (kit) => {
        const { channel, watch } = await watching(kit);
        watch.add(method);
        await kit.subscriber(channel, { name: 'a' });
        return kit.withoutDescriptors(() => watch.until('a'));
      }),
      ...neverOf('listening needs none; the rows of joining have it', 'without space'),
    },
  };
}

const removing: Subject = {
  name: 'channel.Publisher#off',
  cells: {
    'called after close': comes('settles', async (kit) => {
      const { publisher } = await pair(kit);
      const listener = () => {};
      publisher.on('subscriberJoined', listener);
      await publisher.close();
      return outcomeNow(() => void publisher.off('subscriberJoined', listener));
    }),
    ...neverOfRemoving,
    'its listener is removed': comes('a, a left, b left', async (kit) => {
      const { watch, pass } = await watching(kit);
      const listener = watch.add('on');
      await pass('a');
      watch.publisher.off('subscriberJoined', listener);
      await pass('b');
      return watch.until('b left');
    }),
    'called twice': comes('a, a left', async (kit) => {
      const { watch, pass } = await watching(kit);
      const listener = watch.add('on');
      watch.add('on');
      watch.publisher.off('subscriberJoined', listener);
      watch.publisher.off('subscriberJoined', listener);
      await pass('a');
      return watch.until('a left');
    }),
    'called inside a handler': comes('a, a left, b left', async (kit) => {
      const { watch, pass } = await watching(kit);
      const listener = watch.add('on', () => watch.publisher.off('subscriberJoined', listener));
      await pass('a', 'b');
      return watch.until('b left');
    }),
  },
};

/** What publishers know of subscribers: waiting for them, and listeners. */
export const memberSubjects: readonly Subject[] = [
  waitForSubscribers,
  adding('on'),
  adding('once'),
  removing,
];
