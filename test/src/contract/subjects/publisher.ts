import {
  type Cell,
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
import { fill, fullPair, hookedCodec, insideMessage, lockHolder, pair, peerChannel } from './channels.js';

const NO_LISTENER = 'the call lives by no listener';
const NO_ITERATION = 'it is not an iteration';
const NO_CALLBACK = 'it takes no callback';

type Publishing = 'publish' | 'publishAll';

/** A call that waits for room, since the subscriber takes nothing. */
async function waitingForRoom(kit: Kit, method: Publishing): Promise<Scene> {
  const { publisher, subscriber } = await fullPair(kit);
  return {
    call: async (options) => void (await publisher[method](['late'], options)),
    release: () => subscriber.on('message', () => {}),
    close: () => publisher.close(),
    drain: () => publisher.drain(),
    inside: (action) => insideMessage(subscriber, action),
  };
}

/** A call that waits for a peer: one that takes nothing and then dies, or one that has stopped with the lock. */
async function waitingForPeer(kit: Kit, method: Publishing, end: 'killed' | 'stopped'): Promise<Scene> {
  const channel = kit.define<unknown>();
  const publisher = await kit.publisher(channel);
  const call: Scene['call'] = async (options) => void (await publisher[method](['late'], options));
  if (end === 'stopped') {
    const peer = await lockHolder(kit, channel, 'stop');
    return { call, release: () => peer.goOn() };
  }
  const peer = await kit.peer();
  await peer.ask('subscriber', peerChannel(channel), false);
  fill(publisher);
  return { call, release: () => peer.kill() };
}

/** Publishes to a sleeper that cannot be connected to for a moment, and waits until it has heard. */
async function publishToStrangers(
  kit: Kit,
  end: (kit: Kit, method: () => unknown) => Promise<string>,
  method: 'drain' | Publishing,
): Promise<string> {
  const channel = kit.define<unknown>();
  const publisher = await kit.publisher(channel);
  const peer = await kit.peer();
  await peer.ask('subscriber', peerChannel(channel), true);
  await kit.until('the peer to sleep', peer.ask('asleep'));
  const outcome = await kit.withoutDescriptors(async () => {
    if (method === 'drain') return publisher.tryPublish('news');
    return outcomeOf(() => publisher[method](['news']));
  });
  const rest = await end(kit, () => publisher.drain());
  await kit.until(`the peer to hear of it (${outcome}, ${rest})`, peer.ask('heard', 1));
  return `${outcome}, ${rest}, heard`;
}

function publishing(method: Publishing): Subject {
  const cells: Subject['cells'] = {
    'called after close': comes('CLOSED'),
    'closed while it waits': comes('CLOSED'),
    'called after drain': comes('CLOSED'),
    'drained while it waits': comes('settles, settles'),
    aborted: comes('reason'),
    'aborted before': comes('reason'),
    'timed out': comes('TIMEOUT'),
    cancelled: never(NO_ITERATION),
    'its listener is removed': never(NO_LISTENER),
    'called twice': comes('settles, settles'),
    'called inside a handler': comes('settles'),
    'called re-entrantly': comes('1, REENTRANT', async (kit) => {
      let inner: Promise<string> | undefined;
      const codec = hookedCodec((value) => {
        if (value === 'outer') inner = outcomeOf(() => publisher[method](['inner']));
      });
      const { publisher } = await pair(kit, codec);
      const outer = await outcomeOf(() =>
        method === 'publish' ? publisher.publish('outer') : publisher.publishAll(['outer']),
      );
      return `${outer}, ${await inner}`;
    }),
    'its callback throws': comes(/^(thrown|UNENCODABLE), 1$/, async (kit) => {
      const codec = hookedCodec((value) => {
        if (value === 'bad') throw THROWN;
      });
      const { publisher } = await pair(kit, codec);
      const call = (value: string) =>
        outcomeOf(() => (method === 'publish' ? publisher.publish(value) : publisher.publishAll([value])));
      return `${await call('bad')}, ${await call('good')}`;
    }),
    'the peer dies': comes('settles'),
    'the peer is stopped': comes('TIMEOUT, reason, then settles'),
    'without descriptors': comes('1, nothing, heard', (kit) =>
      publishToStrangers(kit, async () => 'nothing', method),
    ),
    'without space': comes('settles, then settles'),
  };
  return {
    name: `channel.Publisher#${method}`,
    scene: (kit) => waitingForRoom(kit, method),
    peerScene: (kit, end) => waitingForPeer(kit, method, end),
    cells,
  };
}

/** `flush` and `drain`, which wait for the same. */
function flushing(method: 'flush' | 'drain'): Subject {
  return {
    name: `channel.Publisher#${method}`,
    scene: async (kit) => {
      const { publisher, subscriber } = await pair(kit);
      publisher.tryPublish('something');
      return {
        call: (options) => publisher[method](options),
        release: () => subscriber.on('message', () => {}),
        close: () => publisher.close(),
        drain: () => publisher.drain(),
        inside: (action) => insideMessage(subscriber, action),
      };
    },
    peerScene: async (kit, end) => {
      const channel = kit.define<unknown>();
      const publisher = await kit.publisher(channel);
      const peer = await kit.peer();
      await peer.ask('subscriber', peerChannel(channel), true);
      peer.stop();
      publisher.tryPublish('something');
      return {
        call: (options) => publisher[method](options),
        release: () => (end === 'killed' ? peer.kill() : peer.goOn()),
      };
    },
    cells: {
      'called after close': comes('CLOSED'),
      'closed while it waits': comes('CLOSED'),
      'called after drain': comes('CLOSED'),
      'drained while it waits': comes(/^settles, (settles|CLOSED)$/),
      aborted: comes('reason'),
      'aborted before': comes('reason'),
      'timed out': comes('TIMEOUT'),
      cancelled: never(NO_ITERATION),
      'its listener is removed': comes('TIMEOUT, settles', async (kit) => {
        const { publisher, subscriber } = await pair(kit);
        const listener = (): unknown => subscriber.off('message', listener);
        subscriber.on('message', listener);
        publisher.tryPublish('heard');
        publisher.tryPublish('not heard');
        // That it waits is what the time-out says; looking for it meanwhile may take longer than that.
        const timedOut = await kit.until(
          'drain to time out',
          outcomeOf(() => publisher[method]({ timeout: 20 })),
        );
        const again = outcomeOf(() => publisher[method]());
        await kit.waits(again);
        subscriber.on('message', () => {});
        return `${timedOut}, ${await kit.until('drain to settle', again)}`;
      }),
      'called twice': comes(/^settles, (settles|CLOSED)$/),
      'called inside a handler': comes('settles'),
      'called re-entrantly': comes(/^settles, (settles|CLOSED)$/, async (kit) => {
        const { publisher, subscriber } = await pair(kit);
        const outcomes: Promise<string>[] = [];
        subscriber.on('message', () => outcomes.push(outcomeOf(() => publisher[method]())));
        publisher.tryPublish(1);
        publisher.tryPublish(2);
        while (outcomes.length < 2) await kit.turns();
        return kit.until(
          'both to settle',
          Promise.all(outcomes).then((all) => all.join(', ')),
        );
      }),
      'its callback throws': never(NO_CALLBACK),
      'the peer dies': comes('settles'),
      'the peer is stopped': comes('TIMEOUT, reason, then settles'),
      'without descriptors': comes('published, settles, heard', (kit) =>
        publishToStrangers(kit, (own, call) => own.until('drain to settle', outcomeOf(call)), 'drain'),
      ),
      'without space': comes(/^settles, then (settles|CLOSED)$/),
    },
  };
}

/** A publisher that cannot leave, since a peer has stopped with the lock. */
async function leaving(
  kit: Kit,
  method: 'close' | typeof Symbol.asyncDispose,
  end: 'killed' | 'stopped',
): Promise<Scene> {
  const channel = kit.define<unknown>();
  const publisher = await kit.publisher(channel);
  const call: Scene['call'] = publisher[method].bind(publisher);
  const peer = await lockHolder(kit, channel, 'stop');
  return {
    call,
    release: () => (end === 'killed' ? peer.kill() : peer.goOn()),
    close: async () => {
      await peer.goOn();
      await publisher.close();
    },
    drain: async () => {
      await peer.goOn();
      await publisher.drain();
    },
  };
}

function closing(
  method: 'close' | typeof Symbol.asyncDispose,
  waits: Pick<Subject['cells'], 'aborted' | 'aborted before' | 'timed out' | 'the peer is stopped'>,
): Subject {
  const cells: Subject['cells'] = {
    ...waits,
    'called after close': comes('settles'),
    'closed while it waits': comes('settles'),
    'called after drain': comes('settles'),
    'drained while it waits': comes('settles, CLOSED'),
    cancelled: never(NO_ITERATION),
    'its listener is removed': never(NO_LISTENER),
    'called twice': comes('settles, settles'),
    'called inside a handler': comes('settles'),
    'called re-entrantly': comes(/^(published|CLOSED), settles$/, async (kit) => {
      let inner: Promise<string> | undefined;
      const { publisher } = await pair(
        kit,
        hookedCodec(() => {
          inner = outcomeOf(() => publisher[method]());
        }),
      );
      const outer = outcomeNow(() => publisher.tryPublish('outer'));
      return `${outer}, ${await kit.until('close to settle', inner)}`;
    }),
    'its callback throws': never(NO_CALLBACK),
    'the peer dies': comes('settles'),
    'without descriptors': comes('settles, then settles'),
    'without space': comes('settles, then settles'),
  };
  const name = method === 'close' ? 'close' : '[asyncDispose]';
  return {
    name: `channel.Publisher#${name}`,
    scene: (kit) => leaving(kit, method, 'stopped'),
    peerScene: (kit, end) => leaving(kit, method, end),
    cells,
  };
}

const NO_OPTIONS = 'a disposal takes no options';
const disposalOptions: Record<'aborted' | 'aborted before' | 'timed out', Cell> = neverOf(
  NO_OPTIONS,
  'aborted',
  'aborted before',
  'timed out',
);

/** Publishers, and their calls that wait. */
export const publisherSubjects: readonly Subject[] = [
  publishing('publish'),
  publishing('publishAll'),
  flushing('flush'),
  flushing('drain'),
  // It gives up waiting, not leaving: that happens as soon as it can.
  closing('close', {
    aborted: comes('settles'),
    'aborted before': comes('settles'),
    'timed out': comes('settles'),
    'the peer is stopped': comes('settles, then settles', async (kit) => {
      const scene = await leaving(kit, 'close', 'stopped');
      const outcome = await kit.until(
        'close to settle',
        outcomeOf(() => scene.call({ timeout: 20 })),
      );
      await scene.release?.();
      return `${outcome}, then ${await kit.until(
        'a second close',
        outcomeOf(() => scene.call()),
      )}`;
    }),
  }),
  closing(Symbol.asyncDispose, {
    ...disposalOptions,
    'the peer is stopped': comes('settles', async (kit) => {
      const scene = await leaving(kit, Symbol.asyncDispose, 'stopped');
      const outcome = await kit.until(
        'the disposal to settle',
        outcomeOf(() => scene.call()),
      );
      await scene.release?.();
      return outcome;
    }),
  }),
];
