import type { Bus, Observed, Observer } from '@mmfbus/channel';
import { ValidNamespaces } from '@mmfbus/core';
import { openSegment, viewSegment } from '@mmfbus/core/internal';
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
import { atOnce } from './at-once.js';

const NO_DRAIN = 'an observer has nothing to drain';
const NO_CALLBACK = 'it takes none';

/** A channel with one message, and a bus. */
async function channelOn(kit: Kit) {
  const bus = await kit.bus();
  const channel = kit.define();
  const publisher = await kit.publisher(channel);
  await publisher.publish('first');
  return { bus, channel, publisher };
}

function steps(observer: Observer): () => Promise<IteratorResult<Observed<unknown>, void>> {
  const iterator = observer[Symbol.asyncIterator]();
  return () => iterator.next();
}

/** An observer that waits for the next message. */
async function observing(kit: Kit): Promise<Scene & { readonly bus: Bus }> {
  const { bus, channel, publisher } = await channelOn(kit);
  const observer = kit.closing(bus.observe(channel.name));
  const iterator = observer[Symbol.asyncIterator]();
  return {
    bus,
    call: () => iterator.next(),
    release: () => publisher.publishAll(['second', 'third']),
    close: () => observer.close(),
    cancel: () => iterator.return(),
  };
}

const iteration: Subject = {
  name: 'channel.Observer#[asyncIterator]',
  scene: observing,
  cells: {
    'called after close': comes('done'),
    'closed while it waits': comes('done'),
    ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
    aborted: comes('reason', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      const { signal, abort } = kit.signal();
      const next = outcomeOf(steps(bus.observe(channel.name, { signal })));
      await kit.waits(next);
      abort();
      return kit.until('next to settle', next);
    }),
    'aborted before': comes('reason', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      const { signal, abort } = kit.signal();
      abort();
      return outcomeOf(steps(bus.observe(channel.name, { signal })));
    }),
    'timed out': never('it takes no time-out'),
    cancelled: comes('done, done'),
    'its listener is removed': never('it has none'),
    'called twice': comes('value second, value third'),
    'called inside a handler': comes('value second'),
    'called re-entrantly': comes('value first, value first', async (kit) => {
      // An observer in the loop of another one.
      const { bus, channel } = await channelOn(kit);
      const seen: string[] = [];
      for await (const one of bus.observe(channel.name, { start: 'earliest' })) {
        const inner = bus.observe(channel.name, { start: 'earliest' });
        seen.push(`value ${one.kind === 'message' ? one.value : one.kind}`, await outcomeOf(steps(inner)));
        break;
      }
      return seen.join(', ');
    }),
    'its callback throws': never(NO_CALLBACK),
    'the peer dies': comes('value ended', async (kit) => {
      const bus = await kit.bus();
      const peer = await kit.peer();
      const name = kit.name('of-the-peer');
      await peer.ask('publisher', { name, capacity: 4096 });
      const next = steps(bus.observe(name));
      const ended = next().then(({ value }) => `value ${value?.kind}`);
      await kit.waits(ended);
      await peer.kill();
      const outcome = await kit.until('the end of the channel', ended);
      // What was left behind is removed by a look of the bus.
      await bus.inspect(name);
      return outcome;
    }),
    'the peer is stopped': comes('reason', async (kit) => {
      const bus = await kit.bus();
      const peer = await kit.peer();
      const channel = { name: kit.name('of-the-peer'), capacity: 4096, discoverable: false };
      await peer.ask('publisher', channel);
      peer.stop();
      const { signal, abort } = kit.signal();
      const next = outcomeOf(steps(bus.observe(channel.name, { signal })));
      await kit.waits(next);
      abort();
      return kit.until('next to settle', next);
    }),
    'without descriptors': comes('value first, then value second', async (kit) => {
      const { bus, channel, publisher } = await channelOn(kit);
      const next = steps(bus.observe(channel.name, { start: 'earliest' }));
      const first = await kit.withoutDescriptors(() => outcomeOf(next));
      await publisher.publish('second');
      return `${first}, then ${await kit.until('next to settle', outcomeOf(next))}`;
    }),
    'without space': comes('value first, then value second', async (kit) => {
      const { bus, channel, publisher } = await channelOn(kit);
      const next = steps(bus.observe(channel.name, { start: 'earliest' }));
      const first = await kit.withoutSpace(() => outcomeOf(next));
      await publisher.publish('second');
      return `${first}, then ${await kit.until('next to settle', outcomeOf(next))}`;
    }),
  },
};

const opening: Subject = {
  name: 'channel.Bus#observe',
  cells: {
    ...atOnce,
    'called after close': comes('CLOSED', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      await bus.close();
      return outcomeNow(() => void bus.observe(channel.name));
    }),
    'called twice': comes('settles, settles', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      const observe = () => outcomeNow(() => void kit.closing(bus.observe(channel.name)));
      return `${observe()}, ${observe()}`;
    }),
    'called inside a handler': comes('settles', async (kit) => {
      const { bus, channel, publisher } = await channelOn(kit);
      const subscriber = await kit.subscriber(channel);
      const observed = new Promise<string>((resolve) => {
        subscriber.on('message', () =>
          resolve(outcomeNow(() => void kit.closing(bus.observe(channel.name)))),
        );
      });
      await publisher.publish('second');
      return kit.until('the handler to observe', observed);
    }),
    'called re-entrantly': never('it calls a codec back only in a look'),
    'its callback throws': comes('undecodable, then message', async (kit) => {
      const { bus, channel, publisher } = await channelOn(kit);
      let isFirst = true;
      const codec = {
        id: 'throws',
        encode: () => 0,
        decode: () => {
          if (!isFirst) return 'decoded';
          isFirst = false;
          throw THROWN;
        },
      };
      await publisher.publish('second');
      const seen = kit.closing(bus.observe(channel.name, { start: 'earliest', codec })).poll();
      return seen.map(({ kind }) => kind).join(', then ');
    }),
    'the peer dies': comes('settles, then NOT_FOUND', async (kit) => {
      const bus = await kit.bus();
      const peer = await kit.peer();
      const name = kit.name('of-the-peer');
      await peer.ask('publisher', { name, capacity: 4096 });
      await peer.kill();
      const first = outcomeNow(() => bus.observe(name).close());
      await bus.inspect(name);
      return `${first}, then ${outcomeNow(() => void bus.observe(name))}`;
    }),
    'the peer is stopped': comes('settles', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      const peer = await kit.peer();
      const joining = { name: channel.name, capacity: 4096, discoverable: false };
      await kit.until('the peer to stop', peer.halt('stop', 'publisher', joining));
      return outcomeNow(() => bus.observe(channel.name).close());
    }),
    'without descriptors': comes('OS_ERROR, then settles', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      const observe = () => outcomeNow(() => bus.observe(channel.name).close());
      return `${await kit.withoutDescriptors(async () => observe())}, then ${observe()}`;
    }),
    'without space': comes('settles, then settles', async (kit) => {
      const { bus, channel } = await channelOn(kit);
      const observe = () => outcomeNow(() => bus.observe(channel.name).close());
      return `${await kit.withoutSpace(async () => observe())}, then ${observe()}`;
    }),
  },
};

/** A view of a segment of its own. */
function viewOn(kit: Kit) {
  const name = kit.name('viewed');
  const segment = kit.closing(openSegment({ name, disposition: 'create', size: 64 }));
  const view = viewSegment(name, ValidNamespaces.LOCAL);
  if (view === undefined) throw new Error('there is a segment, and no view of it');
  return { segment, view: kit.closing(view) };
}

const look: Subject = {
  name: 'core/internal.SegmentView#look',
  cells: {
    ...atOnce,
    'called after close': comes('undefined', async (kit) => {
      const { view } = viewOn(kit);
      view.close();
      return String(view.look(() => 'looked'));
    }),
    'called twice': comes('64, 64', async (kit) => {
      const { view } = viewOn(kit);
      const read = () => view.look((_, size) => size);
      return `${read()}, ${read()}`;
    }),
    'called inside a handler': comes('64', async (kit) => {
      const { view } = viewOn(kit);
      return new Promise((resolve) => queueMicrotask(() => resolve(String(view.look((_, size) => size)))));
    }),
    'called re-entrantly': comes('64', async (kit) => {
      const { view } = viewOn(kit);
      return String(view.look(() => view.look((_, size) => size)));
    }),
    'its callback throws': comes('thrown, then 64', async (kit) => {
      const { view } = viewOn(kit);
      const thrown = outcomeNow(() =>
        view.look(() => {
          throw THROWN;
        }),
      );
      return `${thrown}, then ${view.look((_, size) => size)}`;
    }),
    'the peer dies': never('a view is of no peer'),
    'the peer is stopped': never('a view is of no peer'),
    'without descriptors': comes('64', async (kit) => {
      const { view } = viewOn(kit);
      return kit.withoutDescriptors(async () => String(view.look((_, size) => size)));
    }),
    'without space': comes('64', async (kit) => {
      const { view } = viewOn(kit);
      return kit.withoutSpace(async () => String(view.look((_, size) => size)));
    }),
  },
};

/** Looking on at a channel without joining it. */
export const observingSubjects: readonly Subject[] = [opening, iteration, look];
