import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaitAcquire, type Lock, MemoryMappedFile, spinAcquire } from '@mmfbus/core';
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

const NO_DRAIN = 'a mapping has nothing to drain';
const NO_ITERATION = 'it is no iteration and has no listener';
const TIMED_OUT = 'TIMEOUT';
const LONGER = 3 * 1024 * 1024;

type Using = 'withReadLock' | 'withWriteLock';

/** A mapping whose write lock another process holds. */
function heldMapping(kit: Kit, size?: number) {
  const mapping = kit.mapping(size);
  const other = kit.twin(mapping);
  other.lock.tryAcquire('write');
  return { mapping, other, release: () => other.lock.release('write') };
}

/** A mapping whose write lock a peer holds, and will not give back. */
async function lockedByPeer(kit: Kit, guarded = false) {
  const mapping = kit.mapping();
  const peer = await kit.peer();
  await kit.until('the peer to lock the mapping', peer.ask('lockMapping', mapping.name, guarded));
  return { mapping, peer };
}

/** Whether the lock is available, in words. */
function stateOf(mapping: MemoryMappedFile): string {
  const outcome = mapping.lock.tryAcquire('write');
  if (outcome === 'acquired') mapping.lock.release('write');
  return outcome === 'acquired' ? 'free' : outcome;
}

/** What holds for every call that waits for the lock of a mapping. */
function waitingForLock(
  name: string,
  call: (mapping: MemoryMappedFile, kit: Kit) => Scene['call'],
  own: Partial<Subject['cells']>,
): Subject {
  const scene = async (kit: Kit): Promise<Scene> => {
    const { mapping, release } = heldMapping(kit);
    let held = true;
    return {
      call: call(mapping, kit),
      release: () => {
        if (held) release();
        held = false;
      },
      close: () => mapping.close(),
    };
  };
  /** The lock names no owner: who waits is told, and decides. */
  const beside = (end: 'kill' | 'stop') => async (kit: Kit) => {
    const { mapping, peer } = await lockedByPeer(kit);
    if (end === 'kill') await peer.kill();
    else peer.stop();
    const outcome = await kit.until(
      'the call to time out',
      outcomeOf(() => call(mapping, kit)({ timeout: 20 })),
    );
    mapping.lock.breakLock();
    const again = await kit.until(
      'the call to settle',
      outcomeOf(() => call(mapping, kit)()),
    );
    return `${outcome}, then ${again}`;
  };
  return {
    name,
    scene,
    cells: {
      'called after close': comes('CLOSED'),
      'closed while it waits': comes('CLOSED'),
      ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
      aborted: comes('reason'),
      'aborted before': comes('reason'),
      'timed out': comes(TIMED_OUT),
      ...neverOf(NO_ITERATION, 'cancelled', 'its listener is removed'),
      'called twice': comes('settles, settles'),
      'called inside a handler': comes('settles'),
      'called re-entrantly': never('it calls nothing back'),
      'its callback throws': never('it calls nothing back'),
      'the peer dies': comes('TIMEOUT, then settles', beside('kill')),
      'the peer is stopped': comes('TIMEOUT, then settles', beside('stop')),
      'without descriptors': comes('settles, then settles'),
      'without space': comes('settles, then settles'),
      ...own,
    },
  };
}

function using(method: Using): Subject {
  const kind = method === 'withReadLock' ? 'read' : 'write';
  return waitingForLock(
    `core.MemoryMappedFile#${method}`,
    (mapping) => (options) => mapping[method](() => {}, options),
    {
      'closed while it waits': comes('CLOSED, settles, free', async (kit) => {
        // Before it has the lock, and while it holds it.
        const { mapping, other, release } = heldMapping(kit);
        const waiting = outcomeOf(() => mapping[method](() => {}));
        await kit.waits(waiting);
        mapping.close();
        release();
        const early = await kit.until('the one that waits', waiting);
        const holder = kit.twin(other);
        const holding = outcomeOf(() => holder[method](() => kit.turns()));
        await Promise.resolve();
        await outcomeOf(() => holder.close());
        return `${early}, ${await kit.until('the one that holds it', holding)}, ${stateOf(other)}`;
      }),
      'called re-entrantly': comes(kind === 'read' ? 'settles free' : 'TIMEOUT free', async (kit) => {
        const mapping = kit.mapping();
        const inner = await mapping[method](() =>
          outcomeOf(() => mapping[method](() => {}, { timeout: 20 })),
        );
        return `${inner} ${stateOf(mapping)}`;
      }),
      'its callback throws': comes('thrown thrown free', async (kit) => {
        const mapping = kit.mapping();
        const now = await outcomeOf(() =>
          mapping[method](() => {
            throw THROWN;
          }),
        );
        const later = await outcomeOf(() => mapping[method](() => Promise.reject(THROWN)));
        return `${now} ${later} ${stateOf(mapping)}`;
      }),
      'the peer dies': comes('TIMEOUT, then free', async (kit) => {
        // Killed it leaves the lock behind; told to end it gives it back.
        const crashed = await lockedByPeer(kit, true);
        await crashed.peer.kill();
        const outcome = await outcomeOf(() => crashed.mapping[method](() => {}, { timeout: 20 }));
        const { mapping, peer } = await lockedByPeer(kit, true);
        await peer.kill('SIGTERM');
        return `${outcome}, then ${stateOf(mapping)}`;
      }),
    },
  );
}

/** What a dump leaves of files: the content, and whether a temporary one is left. */
function filesOf({ folder }: Kit): string {
  const path = join(folder, 'dump');
  const content = existsSync(path) ? `${readFileSync(path).length} bytes` : 'no file';
  return [content, ...readdirSync(folder).filter((name) => name !== 'dump' && name !== 'filling')].join(' ');
}

const dump: Subject = waitingForLock(
  'core.MemoryMappedFile#dumpTo',
  (mapping, { folder }) =>
    (options) =>
      mapping.dumpTo(join(folder, 'dump'), options),
  {
    'closed while it waits': comes('CLOSED, 3 bytes, free', async (kit) => {
      const mapping = kit.mapping(LONGER);
      const other = kit.twin(mapping);
      const path = join(kit.folder, 'dump');
      writeFileSync(path, 'old');
      const dumping = outcomeOf(() => mapping.dumpTo(path));
      mapping.close();
      return `${await kit.until('the dump', dumping)}, ${filesOf(kit)}, ${stateOf(other)}`;
    }),
    'called re-entrantly': comes('settles settles 64 bytes', async (kit) => {
      const mapping = kit.mapping();
      const path = join(kit.folder, 'dump');
      let inner: Promise<string> | undefined;
      const onProgress = (): void => {
        inner ??= outcomeOf(() => mapping.dumpTo(path));
      };
      const outer = await kit.until(
        'the dump',
        outcomeOf(() => mapping.dumpTo(path, { onProgress })),
      );
      return `${outer} ${await kit.until('the inner dump', inner!)} ${filesOf(kit)}`;
    }),
    'its callback throws': comes('thrown 3 bytes free', async (kit) => {
      const mapping = kit.mapping();
      const path = join(kit.folder, 'dump');
      writeFileSync(path, 'old');
      const onProgress = (): void => {
        throw THROWN;
      };
      const outcome = await kit.until(
        'the dump',
        outcomeOf(() => mapping.dumpTo(path, { onProgress })),
      );
      return `${outcome} ${filesOf(kit)} ${stateOf(mapping)}`;
    }),
    'without descriptors': comes('OS_ERROR no file free, settles 64 bytes', async (kit) => {
      const mapping = kit.mapping();
      const path = join(kit.folder, 'dump');
      const during = await kit.withoutDescriptors(() => outcomeOf(() => mapping.dumpTo(path)));
      const between = `${filesOf(kit)} ${stateOf(mapping)}`;
      return `${during} ${between}, ${await outcomeOf(() => mapping.dumpTo(path))} ${filesOf(kit)}`;
    }),
    'without space': comes('NO_SPACE 3 bytes free, settles 64 bytes', async (kit) => {
      const mapping = kit.mapping();
      const path = join(kit.folder, 'dump');
      writeFileSync(path, 'old');
      const during = await kit.withoutSpace(() => outcomeOf(() => mapping.dumpTo(path)));
      const between = `${filesOf(kit)} ${stateOf(mapping)}`;
      return `${during} ${between}, ${await outcomeOf(() => mapping.dumpTo(path))} ${filesOf(kit)}`;
    }),
  },
);

const load: Subject = {
  name: 'core.MemoryMappedFile.fromFile',
  cells: {
    ...neverOf('it has nothing to close yet', 'called after close', 'closed while it waits'),
    ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
    aborted: comes('reason', async (kit) => loaded(kit, (abort) => ({ onProgress: abort }), LONGER)),
    'aborted before': comes('reason', async (kit) => {
      const { signal, abort } = kit.signal();
      abort();
      return loaded(kit, () => ({ signal }));
    }),
    'timed out': never('no other process knows the new mapping, so that its lock is free'),
    ...neverOf(NO_ITERATION, 'cancelled', 'its listener is removed'),
    'called twice': comes('settles, EXISTS', async (kit) => {
      const path = source(kit);
      const load = () =>
        outcomeOf(async () => void kit.closing(await MemoryMappedFile.fromFile(path, 'loaded')));
      return `${await load()}, ${await load()}`;
    }),
    'called inside a handler': comes('settles settles', async (kit) => {
      const path = source(kit);
      let inner: Promise<string> | undefined;
      const onProgress = (): void => {
        inner = outcomeOf(async () => void kit.closing(await MemoryMappedFile.fromFile(path, 'inner')));
      };
      const outer = await outcomeOf(
        async () => void kit.closing(await MemoryMappedFile.fromFile(path, 'outer', { onProgress })),
      );
      return `${outer} ${await kit.until('the inner one', inner!)}`;
    }),
    'called re-entrantly': comes('EXISTS settles', async (kit) => {
      const path = source(kit);
      let inner: Promise<string> | undefined;
      const onProgress = (): void => {
        inner = outcomeOf(() => MemoryMappedFile.fromFile(path, 'loaded'));
      };
      const outer = await outcomeOf(
        async () => void kit.closing(await MemoryMappedFile.fromFile(path, 'loaded', { onProgress })),
      );
      return `${await kit.until('the inner one', inner!)} ${outer}`;
    }),
    'its callback throws': comes('thrown', (kit) =>
      loaded(kit, () => ({
        onProgress: () => {
          throw THROWN;
        },
      })),
    ),
    ...neverOf('it waits for no other process', 'the peer dies', 'the peer is stopped'),
    'without descriptors': comes('OS_ERROR, then settles', async (kit) => {
      const path = source(kit);
      const load = () =>
        outcomeOf(async () => void kit.closing(await MemoryMappedFile.fromFile(path, 'loaded')));
      const during = await kit.withoutDescriptors(load);
      return `${[during, ...kit.leftovers()].join(', ')}, then ${await load()}`;
    }),
    'without space': comes('NO_SPACE, then settles', async (kit) => {
      const path = source(kit);
      const load = () =>
        outcomeOf(async () => void kit.closing(await MemoryMappedFile.fromFile(path, 'loaded')));
      const during = await kit.withoutSpace(load);
      return `${[during, ...kit.leftovers()].join(', ')}, then ${await load()}`;
    }),
  },
};

function source({ folder }: Kit, size = 64): string {
  const path = join(folder, 'source');
  writeFileSync(path, new Uint8Array(size));
  return path;
}

/** How loading came out, and what is left of the mapping. */
async function loaded(
  kit: Kit,
  options: (abort: () => void) => { readonly signal?: AbortSignal; readonly onProgress?: () => void },
  size?: number,
): Promise<string> {
  const { signal, abort } = kit.signal();
  const path = source(kit, size);
  const call = () => MemoryMappedFile.fromFile(path, 'loaded', { signal, ...options(abort) });
  const outcome = await kit.until(
    'the loading',
    outcomeOf(async () => void kit.closing(await call())),
  );
  return [outcome, ...kit.leftovers()].join(', ');
}

const acquire: Subject = waitingForLock(
  'core.awaitAcquire',
  (mapping) => {
    const { lock } = mapping;
    return async (options) => {
      await awaitAcquire(lock, 'write', options);
      lock.release('write');
    };
  },
  {
    'called re-entrantly': comes('TIMEOUT free', async (kit) => {
      const mapping = kit.mapping();
      await awaitAcquire(mapping.lock, 'write');
      const inner = await outcomeOf(() => awaitAcquire(mapping.lock, 'write', { timeout: 20 }));
      mapping.lock.release('write');
      return `${inner} ${stateOf(mapping)}`;
    }),
    'its callback throws': comes('thrown', async () => outcomeOf(() => awaitAcquire(throwingLock, 'write'))),
  },
);

/** A lock of the program's own that fails. */
const throwingLock: Lock = {
  tryAcquire() {
    throw THROWN;
  },
  release() {},
  breakLock() {},
  describe: () => 'a lock that throws',
};

const spin: Subject = {
  name: 'core.spinAcquire',
  cells: {
    'called after close': comes('CLOSED', async (kit) => {
      const mapping = kit.mapping();
      const { lock } = mapping;
      mapping.close();
      return outcomeNow(() => spinAcquire(lock, 'write'));
    }),
    ...neverOf(
      'the event loop stands still meanwhile',
      'closed while it waits',
      'aborted',
      'aborted before',
      'timed out',
      'cancelled',
      'its listener is removed',
    ),
    ...neverOf(NO_DRAIN, 'called after drain', 'drained while it waits'),
    'called twice': comes('settles, TIMEOUT', async (kit) => {
      const { lock } = kit.mapping();
      return `${outcomeNow(() => spinAcquire(lock, 'write'))}, ${outcomeNow(() => spinAcquire(lock, 'write', 10))}`;
    }),
    ...neverOf('it is the same everywhere', 'called inside a handler', 'called re-entrantly'),
    'its callback throws': comes('thrown', async () => outcomeNow(() => spinAcquire(throwingLock, 'write'))),
    'the peer dies': comes('TIMEOUT', async (kit) => {
      const { mapping, peer } = await lockedByPeer(kit);
      await peer.kill();
      return outcomeNow(() => spinAcquire(mapping.lock, 'write', 10));
    }),
    'the peer is stopped': comes('TIMEOUT', async (kit) => {
      const { mapping, peer } = await lockedByPeer(kit);
      peer.stop();
      return outcomeNow(() => spinAcquire(mapping.lock, 'write', 10));
    }),
    'without descriptors': comes('settles', (kit) => {
      const { lock } = kit.mapping();
      return kit.withoutDescriptors(async () => outcomeNow(() => spinAcquire(lock, 'write')));
    }),
    'without space': comes('settles', (kit) => {
      const { lock } = kit.mapping();
      return kit.withoutSpace(async () => outcomeNow(() => spinAcquire(lock, 'write')));
    }),
  },
};

/** Mappings, and the waiting for their locks. */
export const mappingSubjects: readonly Subject[] = [
  using('withReadLock'),
  using('withWriteLock'),
  dump,
  load,
  acquire,
  spin,
];
