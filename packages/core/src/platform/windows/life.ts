import { timers } from '../../timers.js';
import type { LifeWatch, Liveness, PortAddress } from '../platform.js';
import {
  ERROR_FILE_NOT_FOUND,
  EVENT_MODIFY_STATE,
  type Handle,
  holdHandle,
  isSignalled,
  kernel32,
  NO_HANDLE,
} from './kernel32.js';
import { bellNameOf } from './names.js';
import { openProcess } from './process.js';
import { openThread } from './thread.js';
import { Waker } from './waker.js';

/*
 * The life line of a port is the handle of its owner's thread: a Worker that is terminated dies alone. Where that thread
 * cannot be looked at, the handle of its process says less, but nothing wrong.
 */

interface OwnerWatch {
  readonly owner: Handle;
  readonly closeOwner: () => void;
  readonly wait: Handle;
  readonly onDeath: () => void;
}

/** All watches of this thread share a waker, which is there while there are any. */
const watches = new Set<OwnerWatch>();
let waker: Waker | undefined;

function reportDead(): void {
  for (const watch of watches) {
    // Each in a tick of its own, so that one that throws does not keep the others from hearing.
    if (isSignalled(watch.owner)) process.nextTick(() => endWatch(watch) && watch.onDeath());
  }
}

function endWatch(watch: OwnerWatch): boolean {
  if (!watches.delete(watch)) return false;
  waker?.endWait(watch.wait);
  watch.closeOwner();
  closeUnusedWaker();
  return true;
}

function closeUnusedWaker(): void {
  if (watches.size > 0) return;
  waker?.close();
  waker = undefined;
}

/** A handle that is signalled when the owner of that port has died; close it. */
export function openOwner(address: PortAddress): Handle | 'dead' | 'unknown' {
  const thread = openThread(address);
  return thread === 'unknown' ? openProcess(address) : thread;
}

/**
 * See {@link Platform.watchLife}. Of a process that has claimed something and not said yet who it is there is only its bell,
 * whose end no process can wait for.
 */
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch | undefined {
  const owner = openOwner(address);
  if (owner === 'unknown') return undefined;
  if (owner === 'dead') {
    const report = timers.setImmediate(onDeath);
    return { close: () => timers.clearImmediate(report) };
  }
  const closeOwner = holdHandle(owner);
  try {
    waker ??= new Waker(reportDead);
    // An owner that has died since is signalled, and stays so.
    const watch = { owner, closeOwner, wait: waker.wait(owner, 'once'), onDeath };
    watches.add(watch);
    return { close: () => void endWatch(watch) };
  } catch {
    closeOwner();
    closeUnusedWaker();
    return undefined;
  }
}

/** See {@link Platform.probeLife}. */
export function probeLife(address: PortAddress): Liveness {
  const owner = openOwner(address);
  if (typeof owner === 'number') {
    kernel32().CloseHandle(owner);
    return 'alive';
  }
  // A participant that has claimed something and not yet said who it is was alive, with its bell, the moment before.
  return owner === 'unknown' && address.pid === 0 && isBellGone(address) ? 'dead' : owner;
}

/** Whether no process has that event, neither its owner nor any process that rings it. */
function isBellGone({ nonce }: PortAddress): boolean {
  const { OpenEventW, GetLastError, CloseHandle } = kernel32();
  const event = OpenEventW(EVENT_MODIFY_STATE, 0, bellNameOf(nonce));
  if (event === NO_HANDLE) return GetLastError() === ERROR_FILE_NOT_FOUND;
  CloseHandle(event);
  return false;
}
