import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CreateOptions, MemoryMappedFile, RWLock } from '@mmfbus/core';
import { awaitSegment, openSegment } from '@mmfbus/core/internal';
import {
  type CallOptions,
  comes,
  neverOf,
  outcomeNow,
  outcomeOf,
  type Subject,
  THROWN,
} from '../contract.js';
import type { Kit } from '../kit.js';
import { atOnce } from './at-once.js';
import { inBadTimes, type Opened } from './bad-times.js';

/** An opening, with what it calls back: the maker of a lock, or what fills new memory. */
type Open = (kit: Kit, callback: () => void) => Opened;

function opening(name: string, open: Open, space: string, again = 'settles'): Subject {
  return {
    name,
    cells: {
      ...atOnce,
      'called twice': comes(`settles, ${again}`, async (kit) => {
        const outcomes = [1, 2].map(() => outcomeNow(() => void kit.closing(open(kit, () => {}))));
        return outcomes.join(', ');
      }),
      ...neverOf('it is the same everywhere', 'called inside a handler'),
      'called re-entrantly': comes('settles, settles', async (kit) => {
        let inner = '';
        const outer = outcomeNow(
          () =>
            void kit.closing(
              open(kit, () => {
                inner ||= outcomeNow(() => void kit.mapping());
              }),
            ),
        );
        return `${outer}, ${inner}`;
      }),
      'its callback throws': comes('thrown, nothing left, settles', async (kit) => {
        open(kit, () => {}).close();
        const before = kit.leftovers();
        const outcome = outcomeNow(() =>
          open(kit, () => {
            throw THROWN;
          }),
        );
        const left = kit.leftovers().length > before.length ? 'something left' : 'nothing left';
        return `${outcome}, ${left}, ${outcomeNow(() => void kit.closing(open(kit, () => {})))}`;
      }),
      ...neverOf('it waits for no other process', 'the peer dies', 'the peer is stopped'),
      'without descriptors': comes('OS_ERROR, nothing left, then settles', (kit) =>
        inBadTimes(
          kit,
          () => open(kit, () => {}),
          (action) => kit.withoutDescriptors(action),
        ),
      ),
      'without space': comes(space, (kit) =>
        inBadTimes(
          kit,
          () => open(kit, () => {}),
          (action) => kit.withoutSpace(action),
        ),
      ),
    },
  };
}

/** A maker of winmmf's lock that tells when it makes one. */
function lockMaker(callback: () => void): Pick<Required<CreateOptions>, 'lock'> {
  return {
    lock: (memory, created) => {
      callback();
      const lock = new RWLock(memory);
      if (created) lock.initialise();
      return lock;
    },
  };
}

const existing = new WeakMap<Kit, MemoryMappedFile>();

/** One mapping a cell, which is there all the time. */
function mappingOf(kit: Kit): MemoryMappedFile {
  const mapping = existing.get(kit) ?? kit.mapping();
  existing.set(kit, mapping);
  return mapping;
}

function fileOf({ folder }: Kit): string {
  const path = join(folder, 'mapped');
  if (!existsSync(path)) writeFileSync(path, new Uint8Array(64));
  return path;
}

const NO_SPACE = 'NO_SPACE, nothing left, then settles';
const NEEDS_NONE = 'settles, nothing left, then settles';

const openings: readonly Subject[] = [
  opening(
    'core.MemoryMappedFile.create',
    (_, callback) => MemoryMappedFile.create('new', 64, lockMaker(callback)),
    NO_SPACE,
    'EXISTS',
  ),
  opening(
    'core.MemoryMappedFile.openOrCreate',
    (_, callback) => MemoryMappedFile.openOrCreate('new', 64, lockMaker(callback)),
    NO_SPACE,
  ),
  opening(
    'core.MemoryMappedFile.open',
    (kit, callback) => MemoryMappedFile.open(mappingOf(kit).name, 0, lockMaker(callback)),
    NEEDS_NONE,
  ),
  opening(
    'core.MemoryMappedFile.openReadOnly',
    (kit, callback) => MemoryMappedFile.openReadOnly(mappingOf(kit).name, 0, lockMaker(callback)),
    NEEDS_NONE,
  ),
  opening(
    'core.MemoryMappedFile.openFile',
    (kit, callback) => MemoryMappedFile.openFile(fileOf(kit), 0, lockMaker(callback)),
    NEEDS_NONE,
  ),
  opening(
    'core.MemoryMappedFile#resize',
    (kit, callback) => mappingOf(kit).resize('larger', 65, lockMaker(callback)),
    NO_SPACE,
    'EXISTS',
  ),
  opening(
    'core/internal.openSegment',
    (_, callback) => openSegment({ name: 'segment', disposition: 'create', size: 64, initialise: callback }),
    NO_SPACE,
    'EXISTS',
  ),
];

const SEGMENT = { name: 'segment', disposition: 'open-or-create', size: 64 } as const;

/** Opens it without blocking, and says whether it was there before. */
async function opened(kit: Kit, wait?: CallOptions, initialise?: () => void): Promise<string> {
  return kit.closing(await awaitSegment({ ...SEGMENT, initialise }, wait)).created ? 'created' : 'opened';
}

/** A peer that seems to be about to remove the segment, for as long as it is not told to `leave`. */
async function removed(kit: Kit) {
  const peer = await kit.peer();
  await kit.until('the peer to hold the segment', peer.ask('holdLeftover', SEGMENT.name));
  return peer;
}

async function awaitedInBadTimes(
  kit: Kit,
  meanwhile: (action: () => Promise<string>) => Promise<string>,
): Promise<string> {
  const during = await meanwhile(() => outcomeOf(() => opened(kit)));
  return [during, ...kit.leftovers(), `then ${await outcomeOf(() => opened(kit))}`].join(', ');
}

const awaited: Subject = {
  name: 'core/internal.awaitSegment',
  scene: async (kit) => {
    const peer = await removed(kit);
    return { call: (wait) => opened(kit, wait), release: () => peer.ask('leave') };
  },
  peerScene: async (kit, end) => {
    const peer = await removed(kit);
    if (end === 'killed') await peer.kill();
    else peer.stop();
    return {
      call: (wait) => opened(kit, wait),
      release: async () => {
        if (end === 'killed') return;
        await peer.goOn();
        await peer.ask('leave');
      },
    };
  },
  cells: {
    ...neverOf(
      'there is nothing to close or to drain before it settles',
      'called after close',
      'closed while it waits',
      'called after drain',
      'drained while it waits',
    ),
    aborted: comes('reason'),
    'aborted before': comes('reason'),
    'timed out': comes('BUSY'),
    ...neverOf('it is no iteration and has no listener', 'cancelled', 'its listener is removed'),
    'called twice': comes(/^(created, opened|opened, created)$/),
    'called inside a handler': comes('created'),
    'called re-entrantly': comes(/^(created, opened|opened, created)$/, async (kit) => {
      let inner: Promise<string> | undefined;
      const outer = await outcomeOf(() =>
        opened(kit, {}, () => {
          inner = outcomeOf(() => opened(kit));
        }),
      );
      return `${outer}, ${await kit.until('the inner one', inner!)}`;
    }),
    'its callback throws': comes('thrown, then created', async (kit) => {
      const outcome = await outcomeOf(() =>
        opened(kit, {}, () => {
          throw THROWN;
        }),
      );
      return [outcome, ...kit.leftovers(), `then ${await outcomeOf(() => opened(kit))}`].join(', ');
    }),
    'the peer dies': comes('created'),
    'the peer is stopped': comes('BUSY, reason, then created'),
    'without descriptors': comes('OS_ERROR, then created', (kit) =>
      awaitedInBadTimes(kit, (action) => kit.withoutDescriptors(action)),
    ),
    'without space': comes('NO_SPACE, then created', (kit) =>
      awaitedInBadTimes(kit, (action) => kit.withoutSpace(action)),
    ),
  },
};

/** What opens memory and calls back meanwhile. */
export const openingSubjects: readonly Subject[] = [...openings, awaited];
