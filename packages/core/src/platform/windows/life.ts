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

/** Between two looks at somebody who has not said yet who it is. */
const LONGEST_PAUSE_MS = 500;

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
  if (watches.size === 0) {
    waker?.close();
    waker = undefined;
  }
  return true;
}

/** A handle that is signalled when the owner of that port has died; close it. */
export function openOwner(address: PortAddress): Handle | 'dead' | 'unknown' {
  const thread = openThread(address);
  return thread === 'unknown' ? openProcess(address) : thread;
}

/**
 * Watches over somebody who has claimed something and not said yet who it is, which takes it some microseconds: until then
 * there is only its bell, whose end nobody can wait for. When it goes on, it is watched over anew.
 */
function watchNameless(address: PortAddress, onDeath: () => void): LifeWatch {
  let timer: NodeJS.Timeout;
  const lookAfter = (pause: number) => {
    timer = setTimeout(() => {
      if (isBellGone(address)) onDeath();
      else lookAfter(Math.min(2 * pause, LONGEST_PAUSE_MS));
    }, pause).unref();
  };
  lookAfter(1);
  return { close: () => clearTimeout(timer) };
}

/** See {@link Platform.watchLife}. */
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch {
  const owner = openOwner(address);
  if (owner === 'unknown') return address.pid === 0 ? watchNameless(address, onDeath) : { close: () => {} };
  if (owner === 'dead') {
    const report = setImmediate(onDeath);
    return { close: () => clearImmediate(report) };
  }
  const closeOwner = holdHandle(owner);
  try {
    waker ??= new Waker(reportDead);
    // An owner that has died since is signalled, and stays so.
    const watch = { owner, closeOwner, wait: waker.wait(owner, 'once'), onDeath };
    watches.add(watch);
    return { close: () => void endWatch(watch) };
  } catch (error) {
    closeOwner();
    throw error;
  }
}

/** See {@link Platform.probeLife}. */
export function probeLife(address: PortAddress): Liveness {
  const owner = openOwner(address);
  if (typeof owner === 'number') {
    kernel32().CloseHandle(owner);
    return 'alive';
  }
  // Whoever has claimed something and not yet said who it is was alive, with its bell, the moment before.
  return owner === 'unknown' && address.pid === 0 && isBellGone(address) ? 'dead' : owner;
}

/** Whether nobody has that event, neither its owner nor anybody who rings it. */
function isBellGone({ nonce }: PortAddress): boolean {
  const { OpenEventW, GetLastError, CloseHandle } = kernel32();
  const event = OpenEventW(EVENT_MODIFY_STATE, 0, bellNameOf(nonce));
  if (event === NO_HANDLE) return GetLastError() === ERROR_FILE_NOT_FOUND;
  CloseHandle(event);
  return false;
}
