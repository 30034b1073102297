import type { LifeWatch, Liveness, PortAddress } from '../platform.js';
import {
  ERROR_FILE_NOT_FOUND,
  EVENT_MODIFY_STATE,
  type Handle,
  isSignalled,
  kernel32,
  NO_HANDLE,
} from './kernel32.js';
import { bellNameOf } from './names.js';
import { openProcess } from './process.js';
import { Waker } from './waker.js';

/*
 * The life line of a port is the process handle of its owner. A Worker's port lives in the same process as its parent,
 * so this says nothing of a Worker that was terminated.
 */

interface ProcessWatch {
  readonly process: Handle;
  readonly wait: Handle;
  readonly onDeath: () => void;
}

/** All watches of this thread share a waker, which is there while there are any. */
const watches = new Set<ProcessWatch>();
let waker: Waker | undefined;

function reportDead(): void {
  for (const watch of watches) {
    // Each in a tick of its own, so that one that throws does not keep the others from hearing.
    if (isSignalled(watch.process)) process.nextTick(() => endWatch(watch) && watch.onDeath());
  }
}

function endWatch(watch: ProcessWatch): boolean {
  if (!watches.delete(watch)) return false;
  waker?.endWait(watch.wait);
  kernel32().CloseHandle(watch.process);
  if (watches.size === 0) {
    waker?.close();
    waker = undefined;
  }
  return true;
}

/** See {@link Platform.watchLife}. */
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch {
  const owner = openProcess(address);
  if (owner === 'unknown') return { close: () => {} };
  if (owner === 'dead') {
    const report = setImmediate(onDeath);
    return { close: () => clearImmediate(report) };
  }
  try {
    waker ??= new Waker(reportDead);
    // A process that has died since is signalled, and stays so.
    const watch = { process: owner, wait: waker.wait(owner, 'once'), onDeath };
    watches.add(watch);
    return { close: () => void endWatch(watch) };
  } catch (error) {
    kernel32().CloseHandle(owner);
    throw error;
  }
}

/** See {@link Platform.probeLife}. */
export function probeLife(address: PortAddress): Liveness {
  const owner = openProcess(address);
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
