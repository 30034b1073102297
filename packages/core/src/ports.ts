import { callAlone } from './call-alone.js';
import { atExit } from './exit-hooks.js';
import { platform } from './platform/index.js';
import type {
  Access,
  Audience,
  Bell,
  LifeWatch,
  Liveness,
  NamedPorts,
  Port,
  PortAddress,
} from './platform/platform.js';
import { timers } from './timers.js';

/** Between two looks at another process whose life line cannot be watched; from 1 ms on, each pause twice the one before. */
const LONGEST_PAUSE_MS = 1000;
/** How long the end of a thread may wait for ports that are to be removed. */
const LAST_REMOVALS_MS = 100;
/** How long removing them at once may take where no process waits for it. */
const REMOVALS_MS = 2;
/** Between two looks whether names are there still: rare enough for an idle process to cost nothing. */
const NAMES_PAUSE_MS = 10_000;

/**
 * A share in a port of this thread. Several participants share it: a ring wakes them all, and each looks whether it was
 * meant.
 */
export interface PortLease {
  readonly address: PortAddress;
  /** Whether others can find the port. False only where they surely cannot. */
  isNamed(): boolean;
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

/** The ports of this thread: one for each audience of the segments that it has open. */
const ports = new Map<string, Shared>();

/**
 * Who participates in a segment, where this user may. Two audiences are the same that are written the same way.
 *
 * @throws {@link MmfError} `ACCESS_DENIED` where participants of other users could not reach this one, or this one them.
 */
export function audienceOf(access: Access | undefined): Audience {
  return platform().audienceOf(access);
}

/**
 * Whom a segment lets in that this process makes; undefined on Windows, where no file backs it.
 *
 * @param mode POSIX permission bits. Defaults to 0o600.
 * @param group its id or name. Defaults to the one that the operating system gives a new file.
 * @throws {@link MmfError} `INVALID_ARGUMENT` where there is no group of that name.
 */
export function accessOfNew(mode?: number, group?: number | string): Access | undefined {
  return platform().accessOfNew(mode, group);
}

/** Why this user may not ring that port: whose it is, and its mode. Undefined where it may, and where that cannot be told. */
export function refusalOf(address: PortAddress): string | undefined {
  return platform().refusalOf(address);
}

function openShared(audience: Audience): Shared {
  const port = platform().openPort(audience);
  const listeners = new Set<() => void>();
  port.onRing = () => {
    for (const listener of listeners) callAlone(listener);
  };
  const forgetExit = atExit(() => {
    port.close();
    void platform().advanceRemovals(LAST_REMOVALS_MS);
  });
  return { port, listeners, keepers: new Set(), forgetExit };
}

/**
 * Takes a share in this thread's port for an audience, which opens with the first. What dead ports of this user left behind is swept
 * then, for 2 ms at once, and the rest between turns of the event loop; in a crowded directory once a thread. Not with a lock held.
 *
 * @param onRing is called after each ring of the bell.
 * @param named tells which ports segments name.
 * @param audience who may ring it and hear of its end. Defaults to this user alone.
 * @throws {@link MmfError} `OS_ERROR`, `NO_SPACE` or `ACCESS_DENIED`; then nothing is left of it.
 */
export function leasePort(
  onRing: () => void,
  named: NamedPorts,
  audience: Audience = audienceOf(undefined),
): PortLease {
  const key = JSON.stringify(audience);
  let shared = ports.get(key);
  if (shared === undefined) {
    shared = openShared(audience);
    ports.set(key, shared);
    void platform().sweepPorts(named, true);
  }
  const { port, listeners, keepers, forgetExit } = shared;
  // A function of its own, so that one given twice counts twice.
  const listener = () => onRing();
  listeners.add(listener);
  const lease: PortLease = {
    address: port.address,
    isNamed: () => port.isNamed(),
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
      ports.delete(key);
      port.close();
      forgetExit();
    },
  };
  return lease;
}

/** Connects to the bell of another participant's port. What cannot be opened now is tried again at each ring. */
export function connectBell(address: PortAddress): Bell {
  return platform().connectBell(address);
}

/**
 * Calls back once when the owner of that port has died, also when that was before this call. Never keeps the process
 * alive. A port that was closed in good order may be reported too. Where its life line cannot be watched, for want of a
 * descriptor for one, this tries again until it can, and looks itself meanwhile, each second at least. What the callback
 * throws is an uncaught exception.
 */
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch {
  const tell = () => callAlone(onDeath);
  let watch = platform().watchLife(address, tell);
  if (watch !== undefined) return watch;
  let timer: NodeJS.Timeout;
  const lookAfter = (pause: number) => {
    timer = timers.setTimeout(() => {
      if (platform().probeLife(address) === 'dead') {
        tell();
        return;
      }
      watch = platform().watchLife(address, tell);
      if (watch === undefined) lookAfter(Math.min(2 * pause, LONGEST_PAUSE_MS));
    }, pause);
    timer.unref();
  };
  lookAfter(1);
  return {
    close: () => {
      timers.clearTimeout(timer);
      watch?.close();
    },
  };
}

/** Asks now whether the owner of that port lives. Only `dead` is proof; `unknown` must be taken as alive. */
export function probeLife(address: PortAddress): Liveness {
  return platform().probeLife(address);
}

/**
 * Removes what a dead port left behind, unless a segment still names it: it is what proves the death to others. Call it
 * with proof of death only. Does nothing before the next turn of the event loop, which it never blocks for long.
 *
 * @returns settles when it is done, or was given up, 130 ms after the first try at the latest; never rejects.
 */
export function removePort(address: PortAddress, named: NamedPorts): Promise<void> {
  return platform().removePort(address, named);
}

/**
 * Goes on at once with ports that are to be removed, for 2 ms at most. Not with a lock held.
 *
 * @returns settles when the rest is done as well, or was given up; never rejects.
 */
export function advanceRemovals(): Promise<void> {
  return platform().advanceRemovals(REMOVALS_MS);
}

/**
 * Does that for everything that dead ports of this user left behind, reading every segment of the directory once; for 2 ms
 * at once, and the rest between turns of the event loop.
 */
export function sweepPorts(named: NamedPorts): Promise<void> {
  return platform().sweepPorts(named);
}

/** A look at names, again and again. */
export interface NamesWatch {
  /** Looks at once, where there is reason to doubt. */
  look(): void;
  close(): void;
}

const namesWatches = new Set<NamesWatch>();
let namesTimer: NodeJS.Timeout | undefined;

function lookAtNames(): void {
  timers.clearTimeout(namesTimer);
  namesTimer = timers.setTimeout(() => {
    for (const watch of namesWatches) callAlone(() => watch.look());
    if (namesWatches.size > 0) lookAtNames();
  }, NAMES_PAUSE_MS);
  namesTimer.unref();
}

/**
 * Calls back once when names are gone under which others find what is open here, as some cleaners of `/dev/shm` do. Nothing
 * tells of that by itself: so this looks each ten seconds, all watches of a thread at once. Never keeps the process alive. What
 * the callback throws is an uncaught exception.
 *
 * @param areThere looks.
 */
export function watchNames(areThere: () => boolean, onRemoved: () => void): NamesWatch {
  const close = () => {
    if (!namesWatches.delete(watch) || namesWatches.size > 0) return;
    timers.clearTimeout(namesTimer);
    namesTimer = undefined;
  };
  const watch: NamesWatch = {
    look: () => {
      if (!namesWatches.has(watch) || areThere()) return;
      close();
      callAlone(onRemoved);
    },
    close,
  };
  if (namesWatches.size === 0) lookAtNames();
  namesWatches.add(watch);
  return watch;
}

/** Lets another thread run that waits for this core, if there is one. For callers that look for something again and again. */
export function yieldThread(): void {
  platform().yieldThread();
}

/** Nanoseconds of the system's monotonic clock, which all processes of the machine share. */
export function monotonicTime(): bigint {
  return platform().monotonicTime();
}
