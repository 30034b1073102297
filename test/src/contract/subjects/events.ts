import type { Message, Publisher, Subscriber, SubscriberListener } from '@mmfbus/channel';
import { comes, neverOf, outcomeNow, type Subject, THROWN } from '../contract.js';
import type { Kit } from '../kit.js';
import { pair, peerChannel, publishNumbers } from './channels.js';

type Adding = 'on' | 'once';
type Removing = 'off';

export const NOT_WAITING = 'it returns at once';
const NO_SPACE_NEEDED = 'taking needs none; the rows of joining have it';

/** Has the subscriber say what it hears, and waits until it has heard everything that was published. */
class Hearing {
  readonly log: unknown[] = [];
  readonly #kit: Kit;
  readonly #subscriber: Subscriber<unknown>;

  constructor(kit: Kit, subscriber: Subscriber<unknown>) {
    this.#kit = kit;
    this.#subscriber = subscriber;
    subscriber.on('publishersGone', ({ reason }) => this.log.push(reason));
    subscriber.on('close', () => this.log.push('close'));
  }

  /** Adds a listener that says each value, and does more. */
  add(method: Adding, more: (value: unknown) => unknown = () => {}): SubscriberListener<unknown, 'message'> {
    const listener = ({ value }: Message<unknown>): void => {
      this.log.push(value);
      more(value);
    };
    this.#subscriber[method]('message', listener);
    return listener;
  }

  /** Everything that is heard until that comes. */
  async until(last: unknown): Promise<string> {
    const heard = async (): Promise<void> => {
      while (!this.log.includes(last)) await this.#kit.turns();
      await this.#kit.turns();
    };
    await this.#kit.until(`${last} to be heard after ${this.log.join(' ')}`, heard());
    return this.log.join(' ');
  }
}

async function hearing(
  kit: Kit,
): Promise<{ hears: Hearing; publisher: Publisher<unknown>; subscriber: Subscriber<unknown> }> {
  const { publisher, subscriber } = await pair(kit);
  return { hears: new Hearing(kit, subscriber), publisher, subscriber };
}

/** With a peer that publishes 1 and 2, and then ends as it is told. */
async function hearingPeer(kit: Kit) {
  const channel = kit.define();
  const subscriber = await kit.subscriber(channel);
  const hears = new Hearing(kit, subscriber);
  const peer = await kit.peer();
  await peer.ask('publisher', peerChannel(channel));
  for (const value of [1, 2]) await peer.ask('publish', value);
  return { hears, subscriber, peer };
}

/** A listener that is called once leaves the rest to the next one. */
function adding(method: Adding): Subject {
  const isOnce = method === 'once';
  return {
    name: `channel.Subscriber#${method}`,
    cells: {
      'called after close': comes('CLOSED, close', async (kit) => {
        const { hears, subscriber } = await hearing(kit);
        await subscriber.close();
        return `${outcomeNow(() => void hears.add(method))}, ${await hears.until('close')}`;
      }),
      'closed while it waits': comes(isOnce ? '1 close' : '1 2 close', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        const last = isOnce ? 1 : 2;
        hears.add(method, (value) => {
          if (value === last) void subscriber.close();
        });
        publishNumbers(publisher, 1, 60);
        return hears.until('close');
      }),
      'called after drain': comes('CLOSED, close', async (kit) => {
        const { hears, subscriber } = await hearing(kit);
        await subscriber.drain();
        return `${outcomeNow(() => void hears.add(method))}, ${await hears.until('close')}`;
      }),
      'drained while it waits': comes(isOnce ? /^1( 2 3)? close$/ : '1 2 3 close', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        hears.add(method);
        publishNumbers(publisher, 1, 3);
        void subscriber.drain();
        return hears.until('close');
      }),
      ...neverOf(NOT_WAITING, 'aborted', 'aborted before', 'timed out', 'cancelled'),
      'its listener is removed': comes('1 rest 2 rest 3', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        const listener = hears.add(method, () => subscriber.off('message', listener));
        publishNumbers(publisher, 1, 3);
        await hears.until(1);
        subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        return hears.until('rest 3');
      }),
      'called twice': comes(isOnce ? '1 1 rest 2 rest 3' : '1 1 2 2 3 3', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        hears.add(method);
        hears.add(method);
        publishNumbers(publisher, 1, 3);
        if (!isOnce) return hears.until(3);
        await hears.until(1);
        subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        return hears.until('rest 3');
      }),
      'called inside a handler': comes(isOnce ? '1 2 2 3' : '1 2 2 3 3', async (kit) => {
        const { hears, publisher } = await hearing(kit);
        hears.add('on', (value) => {
          if (value === 1) hears.add(method);
        });
        publishNumbers(publisher, 1, 3);
        return hears.until(3);
      }),
      'called re-entrantly': comes(isOnce ? '1 rest 2' : '1 2 3', async (kit) => {
        // Publishing to the same channel from its handler is heard after what was there.
        const { hears, publisher, subscriber } = await hearing(kit);
        hears.add(method, (value) => {
          if (value !== 3) publisher.tryPublish(Number(value) + 1);
        });
        publisher.tryPublish(1);
        if (!isOnce) return hears.until(3);
        await hears.until(1);
        subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        return hears.until('rest 2');
      }),
      'its callback throws': comes(isOnce ? '1 rest 2 rest 3 thrown' : '1 2 3 thrown', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        hears.add(method, (value) => {
          if (value === 1) throw THROWN;
        });
        publishNumbers(publisher, 1, 3);
        await hears.until(isOnce ? 1 : 3);
        if (isOnce) {
          subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
          await hears.until('rest 3');
        }
        return [
          hears.log.join(' '),
          ...kit.takeUncaught().map((error) => (error === THROWN ? 'thrown' : error)),
        ].join(' ');
      }),
      'the peer dies': comes(isOnce ? '1 rest 2 died' : '1 2 died', async (kit) => {
        const { hears, subscriber, peer } = await hearingPeer(kit);
        hears.add(method);
        await hears.until(isOnce ? 1 : 2);
        await peer.kill();
        if (isOnce) subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        return hears.until('died');
      }),
      'the peer is stopped': comes(isOnce ? '1 rest 2 rest 3' : '1 2 3', async (kit) => {
        const { hears, subscriber, peer } = await hearingPeer(kit);
        hears.add(method);
        await peer.halt('stop', 'publish', 3);
        await hears.until(isOnce ? 1 : 2);
        if (isOnce) subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        await peer.goOn();
        return hears.until(isOnce ? 'rest 3' : 3);
      }),
      'without descriptors': comes('1', async (kit) => {
        const { hears, publisher } = await hearing(kit);
        hears.add(method);
        return kit.withoutDescriptors(async () => {
          publisher.tryPublish(1);
          return hears.until(1);
        });
      }),
      ...neverOf(NO_SPACE_NEEDED, 'without space'),
    },
  };
}

/** The cells that removing a listener does not have. */
export const neverOfRemoving: Omit<
  Subject['cells'],
  'called after close' | 'its listener is removed' | 'called twice' | 'called inside a handler'
> = {
  ...neverOf(
    'the rows of adding have it',
    'closed while it waits',
    'called after drain',
    'drained while it waits',
  ),
  ...neverOf(NOT_WAITING, 'aborted', 'aborted before', 'timed out', 'cancelled'),
  ...neverOf('it never calls its callback', 'called re-entrantly', 'its callback throws'),
  ...neverOf(
    'it concerns no other process',
    'the peer dies',
    'the peer is stopped',
    'without descriptors',
    'without space',
  ),
};

function removing(method: Removing): Subject {
  return {
    name: `channel.Subscriber#${method}`,
    cells: {
      'called after close': comes('settles', async (kit) => {
        const { hears, subscriber } = await hearing(kit);
        const listener = hears.add('on');
        await subscriber.close();
        return outcomeNow(() => void subscriber[method]('message', listener));
      }),
      ...neverOfRemoving,
      'its listener is removed': comes('1 rest 2', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        const listener = hears.add('on');
        publisher.tryPublish(1);
        await hears.until(1);
        subscriber[method]('message', listener);
        publisher.tryPublish(2);
        await kit.turns();
        subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        return hears.until('rest 2');
      }),
      'called twice': comes('1 2', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        const listener = hears.add('on');
        hears.add('on');
        subscriber[method]('message', listener);
        subscriber[method]('message', listener);
        publishNumbers(publisher, 1, 2);
        return hears.until(2);
      }),
      'called inside a handler': comes('1 rest 2 rest 3', async (kit) => {
        const { hears, publisher, subscriber } = await hearing(kit);
        const listener = hears.add('on', () => {
          subscriber[method]('message', listener);
        });
        publishNumbers(publisher, 1, 3);
        await hears.until(1);
        subscriber.on('message', ({ value }) => hears.log.push(`rest ${value}`));
        return hears.until('rest 3');
      }),
    },
  };
}

/** Listeners of subscribers. */
export const eventSubjects: readonly Subject[] = [adding('on'), adding('once'), removing('off')];
