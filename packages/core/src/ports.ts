import { atExit } from './exit-hooks.js';
import { platform } from './platform/index.js';
import type { Bell, LifeWatch, Liveness, NamesPort, Port, PortAddress } from './platform/platform.js';

/**
 * A share in the one port of this thread. Several participants share it: a ring wakes them all, and each looks whether
 * it was meant.
 */
export interface PortLease {
  readonly address: PortAddress;
  /** Keeps the event loop alive. A new lease does not. */
  ref(): void;
  /** Lets the event loop end, as far as this lease goes. */
  unref(): void;
  /** Gives the share back; the last one closes the port. A second call does nothing. */
  release(): void;
}

interface Shared {
  readonly port: Port;
  readonly listeners: Set<() => void>;
  readonly keepers: Set<PortLease>;
  readonly forgetExit: () => void;
}

let shared: Shared | undefined;

function openShared(): Shared {
  const port = platform.openPort();
  const listeners = new Set<() => void>();
  port.onRing = () => {
    for (const listener of listeners) listener();
  };
  return { port, listeners, keepers: new Set(), forgetExit: atExit(() => port.close()) };
}

/**
 * Takes a share in this thread's port, which opens with the first. What dead ports left behind is swept then.
 *
 * @param onRing is called after the bell was rung, for whomever.
 * @param names tells which of the dead are still named.
 */
export function leasePort(onRing: () => void, names: NamesPort): PortLease {
  if (shared === undefined) {
    platform.sweepPorts(names);
    shared = openShared();
  }
  const { port, listeners, keepers, forgetExit } = shared;
  // A function of its own, so that one given twice counts twice.
  const listener = () => onRing();
  listeners.add(listener);
  const lease: PortLease = {
    address: port.address,
    ref: () => {
      if (!listeners.has(listener)) return;
      keepers.add(lease);
      port.ref();
    },
    unref: () => {
      if (keepers.delete(lease) && keepers.size === 0) port.unref();
    },
    release: () => {
      lease.unref();
      if (!listeners.delete(listener) || listeners.size > 0) return;
      shared = undefined;
      port.close();
      forgetExit();
    },
  };
  return lease;
}

/** Connects to the bell of somebody else's port. */
export function connectBell(address: PortAddress): Bell {
  return platform.connectBell(address);
}

/**
 * Calls back once when the owner of that port has died, also when that was before this call. Never keeps the process
 * alive. A port that was closed in good order may be reported too.
 */
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch {
  return platform.watchLife(address, onDeath);
}

/** Asks now whether the owner of that port lives. Only `dead` is proof; `unknown` must be taken as alive. */
export function probeLife(address: PortAddress): Liveness {
  return platform.probeLife(address);
}

/**
 * Removes what a dead port left behind, unless a segment still names it: it is what proves the death to others. Call it
 * with proof of death only.
 */
export function removePort(address: PortAddress, names: NamesPort): void {
  platform.removePort(address, names);
}

/** Does that for everything that dead ports left behind. Looks at every port of the directory: for rare events. */
export function sweepPorts(names: NamesPort): void {
  platform.sweepPorts(names);
}

/** Lets another thread run that waits for this core, if there is one. For those who look for something again and again. */
export function yieldThread(): void {
  platform.yieldThread();
}
