import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  atExit,
  type CreateOptions,
  leasePort,
  MemoryMappedFile,
  openSegment,
  RWLock,
  removePort,
  sweepPorts,
  watchLife,
} from '@mmfbus/core';
import { type Cell, comes, neverOf, outcomeNow, outcomeOf, type Subject, THROWN } from '../contract.js';
import type { Kit } from '../kit.js';

interface Opened {
  close(): void;
}

const AT_ONCE = 'it returns at once';
const waiting: Pick<
  Subject['cells'],
  | 'called after close'
  | 'closed while it waits'
  | 'called after drain'
  | 'drained while it waits'
  | 'aborted'
  | 'aborted before'
  | 'timed out'
  | 'cancelled'
  | 'its listener is removed'
> = neverOf(
  AT_ONCE,
  'called after close',
  'closed while it waits',
  'called after drain',
  'drained while it waits',
  'aborted',
  'aborted before',
  'timed out',
  'cancelled',
  'its listener is removed',
);

/** An opening, with what it calls back: the maker of a lock, or what fills new memory. */
type Open = (kit: Kit, callback: () => void) => Opened;

/** How it comes out while something is missing, what is left of it, and how it comes out after that. */
async function inBadTimes(
  kit: Kit,
  open: () => Opened,
  meanwhile: (action: () => Promise<string>) => Promise<string>,
): Promise<string> {
  // What is there before is there after, and no more.
  open().close();
  const before = kit.leftovers().length;
  const during = await meanwhile(async () => outcomeNow(() => void kit.closing(open())));
  const isLeft = during !== 'settles' && kit.leftovers().length > before;
  const after = outcomeNow(() => void kit.closing(open()));
  return `${during}, ${isLeft ? 'something left' : 'nothing left'}, then ${after}`;
}

function opening(name: string, open: Open, space: string, again = 'settles'): Subject {
  return {
    name,
    cells: {
      ...waiting,
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
    'core.openSegment',
    (_, callback) => openSegment({ name: 'segment', disposition: 'create', size: 64, initialise: callback }),
    NO_SPACE,
    'EXISTS',
  ),
];

const hooks: Subject = {
  name: 'core.atExit',
  cells: {
    ...waiting,
    ...neverOf(
      'the end of processes is played by the exits',
      'its callback throws',
      'the peer dies',
      'the peer is stopped',
    ),
    ...neverOf('it opens nothing', 'without descriptors', 'without space'),
    'called twice': comes('settles, settles', async () => {
      const forget = [atExit(() => {}), atExit(() => {})];
      return forget.map((one) => outcomeNow(one)).join(', ');
    }),
    'called inside a handler': comes('settles', async () => outcomeNow(atExit(() => {}))),
    'called re-entrantly': comes('settles', async () => {
      const forget = atExit(() => {});
      forget();
      return outcomeNow(forget);
    }),
  },
};

const noName = (): readonly bigint[] => [];

const lease: Subject = {
  name: 'core.leasePort',
  cells: {
    ...waiting,
    'called twice': comes('one port', async (kit) => {
      const leases = [1, 2].map(() => leasePort(() => {}, noName));
      kit.later(() => leases.forEach((one) => void one.release()));
      return leases[0]!.address.nonce === leases[1]!.address.nonce ? 'one port' : 'two ports';
    }),
    ...neverOf(
      'the rows of subscribers have it',
      'called inside a handler',
      'called re-entrantly',
      'its callback throws',
      'the peer dies',
      'the peer is stopped',
    ),
    'without descriptors': comes('OS_ERROR, nothing left, then settles', async (kit) => {
      const open = (): Opened => {
        const port = leasePort(() => {}, noName);
        return { close: () => port.release() };
      };
      return inBadTimes(kit, open, (action) => kit.withoutDescriptors(action));
    }),
    ...neverOf('a FIFO takes none', 'without space'),
  },
};

const life: Subject = {
  name: 'core.watchLife',
  cells: {
    ...waiting,
    ...neverOf('death is told in a turn of its own', 'called inside a handler', 'called re-entrantly'),
    'called twice': comes('quiet', async (kit) => watched(kit, 2)),
    'its callback throws': comes('thrown', async (kit) => {
      const { address, release } = leasePort(() => {}, noName);
      const gone = { ...address, pid: 2 ** 22 + 1, pidNamespace: address.pidNamespace };
      release();
      const watch = watchLife(gone, () => {
        throw THROWN;
      });
      kit.later(() => watch.close());
      await kit.turns();
      return kit
        .takeUncaught()
        .map((error) => (error === THROWN ? 'thrown' : String(error)))
        .join(' ');
    }),
    ...neverOf('the rows of channels have it', 'the peer dies', 'the peer is stopped'),
    'without descriptors': comes('quiet', (kit) => kit.withoutDescriptors(() => watched(kit, 1))),
    ...neverOf('it writes nothing', 'without space'),
  },
};

/** Watches over this very thread, which lives. */
async function watched(kit: Kit, times: number): Promise<string> {
  let deaths = 0;
  const port = livingPort(kit);
  const watches = Array.from({ length: times }, () => watchLife(port, () => deaths++));
  await kit.turns();
  for (const watch of watches) watch.close();
  return deaths === 0 ? 'quiet' : `${deaths} deaths`;
}

/** The address of a port that lives on for the cell. */
function livingPort(kit: Kit): ReturnType<typeof leasePort>['address'] {
  try {
    const port = leasePort(() => {}, noName);
    kit.later(() => port.release());
    return port.address;
  } catch {
    return { nonce: 1n, pid: process.pid, startTime: 0n, pidNamespace: 0n, threadId: 0, threadStartTime: 0n };
  }
}

function sweeping(name: string, sweep: (kit: Kit, names: typeof noName) => Promise<void>): Subject {
  const quiet: Cell = comes('settles', (kit) => outcomeOf(() => sweep(kit, noName)));
  return {
    name: `core.${name}`,
    cells: {
      ...waiting,
      'called twice': quiet,
      ...neverOf('it is the same everywhere', 'called inside a handler', 'called re-entrantly'),
      ...neverOf('nothing is dead that it would be asked about', 'its callback throws'),
      ...neverOf('the rows of channels have it', 'the peer dies', 'the peer is stopped'),
      'without descriptors': comes(/^(settles|OS_ERROR)$/, (kit) =>
        kit.withoutDescriptors(() => outcomeOf(() => sweep(kit, noName))),
      ),
      ...neverOf('it writes nothing', 'without space'),
    },
  };
}

/** What opens something and calls back at once, or at the end. */
export const openingSubjects: readonly Subject[] = [
  ...openings,
  hooks,
  lease,
  life,
  sweeping('sweepPorts', (_, names) => sweepPorts(names)),
  sweeping('removePort', (kit, names) => removePort(livingPort(kit), names)),
];
