import type { Bus, BusChange } from '@mmfbus/channel';
import { comes, never, neverOf, outcomeOf, type Scene, type Subject } from '../contract.js';
import type { Kit } from '../kit.js';

const NO_DRAIN = 'a bus has nothing to drain';
const NO_OPTIONS = 'it waits for no other process and takes no options';

/** Has a peer stop while it holds the lock of the directory. */
async function stoppedInDirectory(kit: Kit) {
  const peer = await kit.peer();
  const channel = { name: kit.name('of-the-peer'), capacity: 4096, discoverable: true };
  await kit.until('the peer to stop in the directory', peer.halt('stop', 'publisher', channel));
  return peer;
}

/** A look at a channel that a peer has joined as well. */
async function looking(kit: Kit) {
  const bus = await kit.bus();
  const channel = kit.define({ discoverable: true });
  await kit.publisher(channel);
  const peer = await kit.peer();
  await peer.ask('subscriber', { name: channel.name, capacity: 4096, discoverable: true }, true);
  return { bus, channel, peer };
}

function looks(method: 'list' | 'inspect'): Subject {
  const look = (bus: Bus, name: string): Promise<unknown> =>
    method === 'list' ? bus.list() : bus.inspect(name);
  return {
    name: `channel.Bus#${method}`,
    scene: async (kit) => {
      const bus = await kit.bus();
      const channel = kit.define({ discoverable: true });
      await kit.publisher(channel);
      return { call: async () => void (await look(bus, channel.name)), close: () => bus.close() };
    },
    cells: {
      'called after close': comes('CLOSED'),
      'closed while it waits': comes(/^(settles|CLOSED), settles$/, async (kit) => {
        const bus = await kit.bus();
        const outcomes = [
          outcomeOf(async () => void (await look(bus, 'absent'))),
          outcomeOf(() => bus.close()),
        ];
        return (await kit.until('both to settle', Promise.all(outcomes))).join(', ');
      }),
      ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
      ...neverOf(NO_OPTIONS, 'aborted', 'aborted before', 'timed out'),
      ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': never('it calls nothing back'),
      'its callback throws': never('it calls nothing back'),
      'the peer dies': comes('settles', async (kit) => {
        const { bus, channel, peer } = await looking(kit);
        await peer.kill();
        return kit.until(
          'the look',
          outcomeOf(async () => void (await look(bus, channel.name))),
        );
      }),
      'the peer is stopped': comes('settles', async (kit) => {
        const { bus, channel } = await looking(kit);
        await stoppedInDirectory(kit);
        return kit.until(
          'the look',
          outcomeOf(async () => void (await look(bus, channel.name))),
        );
      }),
      // A list leaves out what it cannot look at, and tells of it elsewhere.
      'without descriptors': comes(method === 'list' ? 'settles, then settles' : 'OS_ERROR, then settles'),
      'without space': comes('settles, then settles'),
    },
  };
}

/** A watch that has told of everything there is. */
async function watching(
  kit: Kit,
): Promise<Scene & { readonly bus: Bus; readonly watch: AsyncGenerator<BusChange> }> {
  const bus = await kit.bus();
  const channel = kit.define({ discoverable: true });
  await kit.publisher(channel);
  const { signal, abort } = kit.signal();
  const watch = bus.watch({ signal });
  kit.later(abort);
  for (let change = ''; change !== 'joined'; ) {
    change = await kit.until(
      'the first changes',
      watch.next().then(({ value }) => value?.type ?? 'end'),
    );
  }
  return {
    bus,
    watch,
    call: () => watch.next(),
    release: () => kit.publisher(kit.define({ discoverable: true })),
    close: () => bus.close(),
    cancel: () => watch.return(),
  };
}

const watch: Subject = {
  name: 'channel.Bus#watch',
  scene: watching,
  cells: {
    'called after close': comes(/^(CLOSED|done)$/, async (kit) => {
      const bus = await kit.bus();
      await bus.close();
      return outcomeOf(() => bus.watch().next());
    }),
    'closed while it waits': comes('done'),
    ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
    aborted: comes('reason', async (kit) => {
      const bus = await kit.bus();
      const { signal, abort } = kit.signal();
      const next = outcomeOf(() => bus.watch({ signal }).next());
      await kit.waits(next);
      abort();
      return kit.until('next to settle', next);
    }),
    'aborted before': comes('reason', async (kit) => {
      const bus = await kit.bus();
      const { signal, abort } = kit.signal();
      abort();
      return kit.until(
        'next to settle',
        outcomeOf(() => bus.watch({ signal }).next()),
      );
    }),
    'timed out': never('it takes no time-out'),
    cancelled: comes('done, done'),
    'its listener is removed': never('it has none'),
    'called twice': comes('value opened, value joined'),
    'called inside a handler': comes('value opened'),
    'called re-entrantly': comes('value opened, value opened', async (kit) => {
      // A watch in the loop of another one.
      const bus = await kit.bus();
      await kit.publisher(kit.define({ discoverable: true }));
      const inner: string[] = [];
      for await (const { type } of bus.watch()) {
        inner.push(
          `value ${type}`,
          await kit.until(
            'the inner watch',
            outcomeOf(() => bus.watch().next()),
          ),
        );
        break;
      }
      return inner.join(', ');
    }),
    'its callback throws': never('it takes none'),
    'the peer dies': comes('opened joined joined left false died', async (kit) => {
      const { bus, peer } = await looking(kit);
      const log: unknown[] = [];
      let killed: Promise<void> | undefined;
      const follow = async (): Promise<void> => {
        for await (const change of bus.watch()) {
          log.push(change.type);
          if (change.type === 'joined' && log.length === 3) killed = peer.kill();
          if (change.type !== 'left') continue;
          log.push(change.participant.alive, change.reason);
          return;
        }
      };
      await kit.until(`the watch to tell of the death`, follow());
      await killed;
      return log.join(' ');
    }),
    'the peer is stopped': comes('reason, done, then value opened', async (kit) => {
      const bus = await kit.bus();
      const peer = await stoppedInDirectory(kit);
      const { signal, abort } = kit.signal();
      const first = outcomeOf(() => bus.watch({ signal }).next());
      await kit.waits(first);
      abort();
      const aborted = await kit.until('the aborted watch', first);
      const closing = await kit.bus();
      const second = outcomeOf(() => closing.watch().next());
      await kit.waits(second);
      await kit.until('the bus to close', closing.close());
      const closed = await kit.until('the watch of a closed bus', second);
      await peer.goOn();
      const third = await kit.until(
        'the watch after that',
        outcomeOf(() => bus.watch().next()),
      );
      return `${aborted}, ${closed}, then ${third}`;
    }),
    'without descriptors': comes(/^(OS_ERROR|value opened), then value opened$/, async (kit) => {
      const bus = await kit.bus();
      await kit.publisher(kit.define({ discoverable: true }));
      const step = () =>
        kit.until(
          'next to settle',
          outcomeOf(() => bus.watch().next()),
        );
      return `${await kit.withoutDescriptors(step)}, then ${await step()}`;
    }),
    'without space': comes('value opened, then value opened', async (kit) => {
      const bus = await kit.bus();
      await kit.publisher(kit.define({ discoverable: true }));
      const step = () =>
        kit.until(
          'next to settle',
          outcomeOf(() => bus.watch().next()),
        );
      return `${await kit.withoutSpace(step)}, then ${await step()}`;
    }),
  },
};

function closing(method: 'close' | typeof Symbol.asyncDispose): Subject {
  return {
    name: `channel.Bus#${method === 'close' ? 'close' : '[asyncDispose]'}`,
    scene: async (kit) => {
      const bus = await kit.bus();
      return { call: bus[method].bind(bus), close: () => bus.close() };
    },
    cells: {
      'called after close': comes('settles'),
      'closed while it waits': comes('done, settles', async (kit) => {
        const { bus, call } = await watching(kit);
        const next = outcomeOf(() => call());
        await kit.waits(next);
        const closed = await kit.until(
          'close to settle',
          outcomeOf(() => bus[method]()),
        );
        return `${await kit.until('the watch to end', next)}, ${closed}`;
      }),
      ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
      ...neverOf(NO_OPTIONS, 'aborted', 'aborted before', 'timed out'),
      ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': comes('opened settles', async (kit) => {
        // In the loop of its own watch, which ends by it.
        const bus = await kit.bus();
        await kit.publisher(kit.define({ discoverable: true }));
        const log: string[] = [];
        const follow = async (): Promise<void> => {
          for await (const { type } of bus.watch()) {
            log.push(type, await outcomeOf(() => bus[method]()));
          }
        };
        await kit.until('the loop to end', follow());
        return log.join(' ');
      }),
      'its callback throws': never('it takes none'),
      'the peer dies': comes('settles', async (kit) => {
        const { bus, peer } = await looking(kit);
        await peer.kill();
        return kit.until(
          'close to settle',
          outcomeOf(() => bus[method]()),
        );
      }),
      'the peer is stopped': comes('settles', async (kit) => {
        const bus = await kit.bus();
        await stoppedInDirectory(kit);
        return kit.until(
          'close to settle',
          outcomeOf(() => bus[method]()),
        );
      }),
      'without descriptors': comes('settles, then settles'),
      'without space': comes('settles, then settles'),
    },
  };
}

/** The directory of channels. */
export const busSubjects: readonly Subject[] = [
  looks('list'),
  looks('inspect'),
  watch,
  closing('close'),
  closing(Symbol.asyncDispose),
];
