import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Channel, defineChannel, openBus } from '@mmfbus/channel';
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
import { hookedCodec, insideMessage, lockHolder, pair } from './channels.js';

type Joining = 'publisher' | 'subscriber';

const NOTHING_TO_CLOSE = 'what joins has nothing to close yet';

/** A call that joins while a peer has stopped, or died, with the lock. */
async function joiningBeside(kit: Kit, method: Joining, end: 'killed' | 'stopped'): Promise<Scene> {
  const channel = kit.define();
  const peer = await lockHolder(kit, channel, end === 'killed' ? 'kill' : 'stop');
  return {
    call: async (options) => void kit.closing(await channel[method]({ open: 'open-or-create', ...options })),
    release: () => (end === 'killed' ? undefined : peer.goOn()),
    inside: async (action) => {
      await peer.goOn();
      const subscriber = await kit.subscriber(channel);
      const publisher = await kit.publisher(channel);
      const inside = insideMessage(subscriber, action);
      publisher.tryPublish('go');
      await inside;
    },
  };
}

interface Joined {
  close(): unknown;
}

/** So many descriptors are more than joining takes. */
const MANY_DESCRIPTORS = 32;

/** What it needs is not available for a moment, at any step: nothing is left behind then, and the next try succeeds. */
async function inBadTimes(
  kit: Kit,
  join: () => Promise<Joined>,
  moments: readonly ((action: () => Promise<string>) => Promise<string>)[],
): Promise<string> {
  const outcomes = new Set<string>();
  for (const moment of moments) {
    outcomes.add(await moment(() => outcomeOf(async () => void (await (await join()).close()))));
    await kit.turns();
    for (const what of kit.leftovers()) outcomes.add(`left behind: ${what.replace(/[0-9a-f]{16}/, '…')}`);
  }
  const after = await kit.until(
    'the last try',
    outcomeOf(async () => void kit.closing(await join())),
  );
  return `${[...outcomes].sort().join(', ')}, then ${after}`;
}

/** As {@link inBadTimes}: with few descriptors, from none to many. */
export function withoutDescriptors(kit: Kit, join: () => Promise<Joined>): Promise<string> {
  const moments = Array.from(
    { length: MANY_DESCRIPTORS },
    (_, free) => (action: () => Promise<string>) => kit.withoutDescriptors(action, free),
  );
  return inBadTimes(kit, join, moments);
}

/** The same, without space. */
export function withoutSpace(kit: Kit, join: () => Promise<Joined>): Promise<string> {
  return inBadTimes(kit, join, [(action) => kit.withoutSpace(action)]);
}

function joining(method: Joining): Subject {
  return {
    name: `channel.Channel#${method}`,
    scene: (kit) => joiningBeside(kit, method, 'stopped'),
    peerScene: (kit, end) => joiningBeside(kit, method, end),
    cells: {
      ...neverOf(NOTHING_TO_CLOSE, 'called after close', 'closed while it waits'),
      ...neverOf('a channel has nothing to drain', 'called after drain', 'drained while it waits'),
      aborted: comes('reason'),
      'aborted before': comes('reason'),
      'timed out': comes('TIMEOUT'),
      ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': comes('published settles', async (kit) => {
        // Who listens to the diagnostics runs outside the lock of publishers.
        const { channel, publisher } = await pair(kit);
        const join = async (): Promise<void> => void kit.closing(await channel[method]());
        const log: unknown[] = [];
        let joined: Promise<string> | undefined;
        const onOpen = (): void => {
          unsubscribe('mmfbus:open', onOpen);
          log.push(publisher.tryPublish('from the diagnostics'));
          joined = outcomeOf(join);
        };
        subscribe('mmfbus:open', onOpen);
        kit.later(() => unsubscribe('mmfbus:open', onOpen));
        await kit.until('joining to settle', join());
        log.push(await kit.until('joining from the diagnostics to settle', joined!));
        return log.join(' ');
      }),
      'its callback throws': never('it takes none'),
      'the peer dies': comes('settles'),
      'the peer is stopped':
        method === 'publisher'
          ? comes('TIMEOUT', async (kit) => {
              // As long as the default says.
              const scene = await joiningBeside(kit, method, 'stopped');
              return kit.until(
                'joining to give up by itself',
                outcomeOf(() => scene.call()),
              );
            })
          : comes('TIMEOUT, reason, then settles'),
      'without descriptors': comes('OS_ERROR, settles, then settles', (kit) => {
        const channel = kit.define({ discoverable: true });
        return withoutDescriptors(kit, () => channel[method]());
      }),
      'without space': comes('NO_SPACE, then settles', (kit) => {
        const channel = kit.define();
        return withoutSpace(kit, () => channel[method]());
      }),
    },
  };
}

/** Opens the directory while a peer has stopped, or died, with its lock. */
async function busBeside(kit: Kit, end: 'killed' | 'stopped'): Promise<Scene> {
  const peer = await kit.peer();
  const channel = { name: kit.name('listed'), capacity: 4096, discoverable: true };
  await kit.until('the peer to halt', peer.halt(end === 'killed' ? 'kill' : 'stop', 'publisher', channel));
  return {
    call: async (options) => void kit.closing(await openBus({ scope: 'user', ...options })),
    release: () => (end === 'killed' ? undefined : peer.goOn()),
  };
}

const bus: Subject = {
  name: 'channel.openBus',
  scene: (kit) => busBeside(kit, 'stopped'),
  peerScene: busBeside,
  cells: {
    ...neverOf(NOTHING_TO_CLOSE, 'called after close', 'closed while it waits'),
    ...neverOf('a bus has nothing to drain', 'called after drain', 'drained while it waits'),
    aborted: comes('reason'),
    'aborted before': comes('reason'),
    'timed out': comes('TIMEOUT'),
    ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
    'called twice': comes('settles, settles'),
    'called inside a handler': comes('settles'),
    'called re-entrantly': comes('settles settles', async (kit) => {
      let inner: Promise<string> | undefined;
      const onOpen = (): void => {
        unsubscribe('mmfbus:open', onOpen);
        inner = outcomeOf(() => kit.bus());
      };
      subscribe('mmfbus:open', onOpen);
      kit.later(() => unsubscribe('mmfbus:open', onOpen));
      const channel = kit.define({ discoverable: true });
      const outer = await kit.until(
        'joining to settle',
        outcomeOf(() => kit.publisher(channel)),
      );
      return `${outer} ${await kit.until('the bus to open', inner!)}`;
    }),
    'its callback throws': never('it takes none'),
    'the peer dies': comes('settles'),
    'the peer is stopped': comes('TIMEOUT, reason, then settles'),
    'without descriptors': comes('OS_ERROR, settles, then settles', (kit) =>
      withoutDescriptors(kit, () => openBus()),
    ),
    'without space': comes('NO_SPACE, then settles', (kit) => withoutSpace(kit, () => openBus())),
  },
};

/** What takes a codec: its functions are called by publishers and subscribers. */
function defining(
  name: string,
  define: (kit: Kit, codec: ReturnType<typeof hookedCodec>) => Promise<Channel<unknown>>,
): Subject {
  return {
    name,
    cells: {
      ...neverOf(
        'it opens nothing and does not wait',
        'called after close',
        'closed while it waits',
        'called after drain',
        'drained while it waits',
        'aborted',
        'aborted before',
        'timed out',
        'cancelled',
        'its listener is removed',
        'called inside a handler',
        'the peer dies',
        'the peer is stopped',
        'without descriptors',
        'without space',
      ),
      'called twice': comes('published 1', async (kit) => {
        // Two definitions are the same channel.
        const channel = await define(
          kit,
          hookedCodec(() => {}),
        );
        const other = defineChannel({
          name: channel.name,
          capacity: 4096,
          discoverable: false,
          codec: hookedCodec(() => {}),
        });
        const publisher = await kit.publisher(channel);
        const subscriber = await kit.subscriber(other);
        const outcome = publisher.tryPublish('one');
        return `${outcome} ${subscriber.poll(() => {})}`;
      }),
      'called re-entrantly': comes('REENTRANT published', async (kit) => {
        let inner = '';
        const channel = await define(
          kit,
          hookedCodec((value) => {
            if (value === 'outer') inner = outcomeNow(() => publisher.tryPublish('inner'));
          }),
        );
        const publisher = await kit.publisher(channel);
        const outer = outcomeNow(() => publisher.tryPublish('outer'));
        return `${inner} ${outer}`;
      }),
      'its callback throws': comes(/^(thrown|UNENCODABLE) published good$/, async (kit) => {
        const channel = await define(
          kit,
          hookedCodec((value) => {
            if (value === 'bad') throw THROWN;
          }),
        );
        const publisher = await kit.publisher(channel);
        const subscriber = await kit.subscriber(channel);
        const outcomes = ['bad', 'good'].map((value) => outcomeNow(() => publisher.tryPublish(value)));
        const heard: unknown[] = [];
        subscriber.poll(({ value }) => heard.push(value));
        return [...outcomes, ...heard].join(' ');
      }),
    },
  };
}

/** What joins a channel, opens the directory, or says what they carry. */
export const joiningSubjects: readonly Subject[] = [
  joining('publisher'),
  joining('subscriber'),
  bus,
  defining('channel.defineChannel', async (kit, codec) => kit.define({ codec })),
  defining('channel.Bus#define', async (kit, codec) =>
    (await kit.bus()).define({ name: kit.name('channel'), capacity: 4096, discoverable: false, codec }),
  ),
];
