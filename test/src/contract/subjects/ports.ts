import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  advanceRemovals,
  leasePort,
  type PortAddress,
  type PortLease,
  removePort,
  sweepPorts,
  watchLife,
  watchNames,
} from '@mmfbus/core/internal';
import { readTable } from '../../support/slots.js';
import { type Cell, comes, neverOf, outcomeNow, outcomeOf, type Subject, THROWN } from '../contract.js';
import type { Kit } from '../kit.js';
import { atOnce } from './at-once.js';
import { inBadTimes, type Opened } from './bad-times.js';

const IN_CHANNELS = 'the rows of channels have it';
const WRITES_NOTHING = 'it writes nothing';

const noName = (): readonly bigint[] => [];

function throwIt(): never {
  throw THROWN;
}

/** A port for the cell. */
function portOf(kit: Kit): PortLease {
  const port = leasePort(() => {}, noName);
  kit.later(() => port.release());
  return port;
}

/** The address of a port that lives on for the cell. */
function livingPort(kit: Kit): PortAddress {
  try {
    return portOf(kit).address;
  } catch {
    return { nonce: 1n, pid: process.pid, startTime: 0n, pidNamespace: 0n, threadId: 0, threadStartTime: 0n };
  }
}

/** The address of a port whose owner was killed, and which no segment names any more. */
async function deadPort(kit: Kit): Promise<PortAddress> {
  const peer = await kit.peer();
  const name = kit.name('of-the-dead');
  await peer.ask('publisher', { name, capacity: 4096, discoverable: false });
  const [slot] = readTable(name).slots;
  await peer.kill();
  // Opens, and so removes, the segment that it left.
  readTable(name);
  return slot!;
}

function portFiles({ directory }: Kit): string[] {
  const names = readdirSync(directory).filter((name) => /\.(bell|life)$/.test(name));
  return names.map((name) => join(directory, name));
}

const lease: Subject = {
  name: 'core/internal.leasePort',
  cells: {
    ...atOnce,
    'called twice': comes('one port', async (kit) => {
      const [one, other] = [portOf(kit), portOf(kit)];
      return one.address.nonce === other.address.nonce ? 'one port' : 'two ports';
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
  name: 'core/internal.watchLife',
  cells: {
    ...atOnce,
    ...neverOf('death is told in a turn of its own', 'called inside a handler', 'called re-entrantly'),
    'called twice': comes('quiet', async (kit) => watched(kit, 2)),
    'its callback throws': comes('told told told, thrown thrown thrown', async (kit) => {
      const dead = await deadPort(kit);
      const { address: left, release } = leasePort(() => {}, noName);
      const told: string[] = [];
      /** Two watches: what the first one throws is nothing to the second one. */
      const watch = (address: PortAddress): void => {
        for (const onDeath of [throwIt, () => told.push('told')]) kit.closing(watchLife(address, onDeath));
      };
      const toldOf = async (deaths: number): Promise<void> => {
        while (told.length < deaths) await kit.turns();
      };
      watch(dead);
      watch(left);
      release();
      await kit.until('the watches to tell', toldOf(2));
      // Now without its files.
      await removePort(dead, noName);
      watch(dead);
      await kit.until('the last watch to tell', toldOf(3));
      return `${told.join(' ')}, ${await kit.uncaughtSoFar()}`;
    }),
    ...neverOf(IN_CHANNELS, 'the peer dies', 'the peer is stopped'),
    'without descriptors': comes('quiet', (kit) => kit.withoutDescriptors(() => watched(kit, 1))),
    ...neverOf(WRITES_NOTHING, 'without space'),
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

/** A watch over the names of this thread's port, and what removes them. */
function watchedNames(kit: Kit, onRemoved: () => void) {
  const port = portOf(kit);
  const watch = kit.closing(watchNames(() => port.isNamed(), onRemoved));
  const files = portFiles(kit);
  const remove = (): void => {
    for (const file of files) rmSync(file, { force: true });
  };
  return { watch, remove };
}

const names: Subject = {
  name: 'core/internal.watchNames',
  cells: {
    ...atOnce,
    'called after close': comes('quiet', async (kit) => {
      const told: string[] = [];
      const { watch, remove } = watchedNames(kit, () => told.push('told'));
      remove();
      watch.close();
      watch.look();
      return told.join(' ') || 'quiet';
    }),
    'called twice': comes('quiet, first second', async (kit) => {
      const told: string[] = [];
      const watches = ['first', 'second'].map((name) => watchedNames(kit, () => told.push(name)));
      for (const { watch } of watches) watch.look();
      const before = told.join(' ') || 'quiet';
      for (const { remove } of watches) remove();
      // Each tells once.
      for (const { watch } of [...watches, ...watches]) watch.look();
      return `${before}, ${told.join(' ')}`;
    }),
    ...neverOf('it is the same everywhere', 'called inside a handler'),
    'called re-entrantly': comes('outer inner', async (kit) => {
      const told: string[] = [];
      const { watch, remove } = watchedNames(kit, () => {
        told.push('outer');
        watch.look();
        watchedNames(kit, () => told.push('inner')).watch.look();
      });
      remove();
      watch.look();
      return told.join(' ');
    }),
    'its callback throws': comes('settles, thrown, told', async (kit) => {
      const told: string[] = [];
      const { watch, remove } = watchedNames(kit, throwIt);
      const other = watchedNames(kit, () => told.push('told')).watch;
      remove();
      const outcome = outcomeNow(() => watch.look());
      other.look();
      return [outcome, await kit.uncaughtSoFar(), ...told].join(', ');
    }),
    ...neverOf('it concerns no other process', 'the peer dies', 'the peer is stopped'),
    'without descriptors': comes('quiet, told', async (kit) => {
      const told: string[] = [];
      const { watch, remove } = watchedNames(kit, () => told.push('told'));
      return kit.withoutDescriptors(async () => {
        watch.look();
        const before = told.join(' ') || 'quiet';
        remove();
        watch.look();
        return `${before}, ${told.join(' ')}`;
      });
    }),
    ...neverOf(WRITES_NOTHING, 'without space'),
  },
};

function sweeping(name: string, sweep: (kit: Kit, names: typeof noName) => Promise<void>): Subject {
  const quiet: Cell = comes('settles', (kit) => outcomeOf(() => sweep(kit, noName)));
  return {
    name: `core/internal.${name}`,
    cells: {
      ...atOnce,
      'called twice': quiet,
      ...neverOf('it is the same everywhere', 'called inside a handler', 'called re-entrantly'),
      ...neverOf('nothing is dead that it would be asked about', 'its callback throws'),
      ...neverOf(IN_CHANNELS, 'the peer dies', 'the peer is stopped'),
      'without descriptors': comes(/^(settles|OS_ERROR)$/, (kit) =>
        kit.withoutDescriptors(() => outcomeOf(() => sweep(kit, noName))),
      ),
      ...neverOf(WRITES_NOTHING, 'without space'),
    },
  };
}

/** Asks for the removal of what a killed process has left, and hurries it; how that comes out, and what is left at once. */
async function hurry(dead: PortAddress, files: readonly string[], times: number): Promise<string> {
  const outcomes = [
    outcomeOf(() => removePort(dead, noName)),
    ...Array.from({ length: times }, () => outcomeOf(advanceRemovals)),
  ];
  const left = files.filter((file) => existsSync(file)).length;
  return [...(await Promise.all(outcomes)), `${left} left`].join(' ');
}

async function hurried(kit: Kit, times = 1): Promise<string> {
  const dead = await deadPort(kit);
  return kit.until('the removal', hurry(dead, portFiles(kit), times));
}

const removals: Subject = {
  name: 'core/internal.advanceRemovals',
  cells: {
    ...atOnce,
    'called twice': comes('settles settles settles 0 left', (kit) => hurried(kit, 2)),
    'called inside a handler': comes('settles', () => outcomeOf(advanceRemovals)),
    ...neverOf('it calls nothing back', 'called re-entrantly', 'its callback throws'),
    'the peer dies': comes('settles settles 0 left', (kit) => hurried(kit)),
    ...neverOf('it waits for no other process', 'the peer is stopped'),
    'without descriptors': comes('settles settles 2 left, then settles settles 0 left', async (kit) => {
      const dead = await deadPort(kit);
      const files = portFiles(kit);
      const during = await kit.withoutDescriptors(() => hurry(dead, files, 1));
      return `${during}, then ${await hurry(dead, files, 1)}`;
    }),
    ...neverOf(WRITES_NOTHING, 'without space'),
  },
};

/** The ports of this thread and of others. */
export const portSubjects: readonly Subject[] = [
  lease,
  life,
  names,
  sweeping('sweepPorts', (_, names) => sweepPorts(names)),
  sweeping('removePort', (kit, names) => removePort(livingPort(kit), names)),
  removals,
];
