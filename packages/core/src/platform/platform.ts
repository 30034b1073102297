import type { ValidNamespace } from '../namespaces.js';
import type { OwnBytes, SharedMemory } from '../shared-memory.js';

/** A file that a dead process has left. */
export interface Leftover {
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** How it is known that no process uses it. */
  readonly proof: string;
}

/** What the rest of core needs from an operating system; one implementation a folder. */
export interface Platform {
  /**
   * The operating system's name for a mapping.
   *
   * @throws {@link MmfError} `INVALID_NAME` when the system cannot hold that name.
   */
  osName(name: string, namespace: ValidNamespace): string;
  /**
   * Creates or opens a named segment, step by step.
   *
   * @throws {@link MmfError} `NOT_FOUND`, `EXISTS`, `SIZE_MISMATCH`, `NO_SPACE`, `ACCESS_DENIED`, `BUSY`, `UNSUPPORTED` or
   * `OS_ERROR`.
   */
  openSegment(request: SegmentRequest): Opening;
  /**
   * Opens a segment to look at it. It takes no lock on it, and removes nothing.
   *
   * @returns undefined when no segment has that name.
   * @throws {@link MmfError} `SIZE_MISMATCH`, `ACCESS_DENIED` or `OS_ERROR`.
   */
  viewSegment(osName: string): SegmentView | undefined;
  /**
   * Maps a file of the file system, which keeps the data.
   *
   * @throws {@link MmfError} `NOT_FOUND`, `SIZE_MISMATCH`, `NO_SPACE`, `ACCESS_DENIED`, `UNSUPPORTED` or `OS_ERROR`.
   */
  openFile(request: FileRequest): Segment;
  /**
   * Opens a port of this thread.
   *
   * @param audience who may ring it and hear of its end, beside its owner.
   */
  openPort(audience: Audience): Port;
  /**
   * Whom a segment lets in that this process makes; undefined on Windows, where no file backs it.
   *
   * @throws {@link MmfError} `INVALID_ARGUMENT` where there is no group of that name.
   */
  accessOfNew(mode?: number, group?: number | string): Access | undefined;
  /**
   * Who participates in a segment, where this user may.
   *
   * @throws {@link MmfError} `ACCESS_DENIED` where participants of other users could not reach this one, or this one them.
   */
  audienceOf(access: Access | undefined): Audience;
  /** Why this user may not ring that port: whose it is, and its mode. Undefined where it may, and where that cannot be told. */
  refusalOf(address: PortAddress): string | undefined;
  /** Connects to the bell of another participant's port. */
  connectBell(address: PortAddress): Bell;
  /**
   * Calls back once when the owner of that port has died, also when that was before this call. Never keeps the
   * process alive. A port that was closed in good order may or may not be reported. Undefined where that cannot be watched
   * now, for want of a descriptor for one: then nothing is reported.
   */
  watchLife(address: PortAddress, onDeath: () => void): LifeWatch | undefined;
  /** Asks now whether the owner of that port lives. Only `dead` is proof; `unknown` must be taken as alive. */
  probeLife(address: PortAddress): Liveness;
  /**
   * Removes what a dead port left behind, unless a segment still names it: it is what proves the death to others. Call
   * it with proof of death only. Does nothing before the next turn of the event loop, which it never blocks for long.
   *
   * @returns settles when it is done; never rejects.
   */
  removePort(address: PortAddress, named: NamedPorts): Promise<void>;
  /**
   * Does that for everything that dead ports of this user left behind, beginning at once, for 2 ms, and going on in later
   * turns of the event loop, which keeps the process alive.
   *
   * @param unlessCrowded does nothing where this thread's last sweep met more than a thousand files.
   */
  sweepPorts(named: NamedPorts, unlessCrowded?: boolean): Promise<void>;
  /**
   * Goes on at once with ports that are to be removed, for so many milliseconds at most.
   *
   * @returns settles when they are; never rejects.
   */
  advanceRemovals(milliseconds: number): Promise<void>;
  /** The folder that holds the files of segments and ports; undefined where there are no files. */
  memoryFolder(): string | undefined;
  /** What dead processes of this user have left, which the next ones to join remove. Removes nothing itself. */
  findLeftovers(): readonly Leftover[];
  /** Lets another thread run that waits for this core, if there is one. Microseconds when there is none. */
  yieldThread(): void;
  /** Nanoseconds of the system's monotonic clock, which all processes of the machine share. */
  monotonicTime(): bigint;
}

/** Reads bytes of a segment, fewer where it ends; a copy. */
export type ReadSegment = (offset: number, length: number) => Uint8Array;

/** The nonces of all ports that a segment names, by what its format says. */
export type NamedPorts = (read: ReadSegment) => Iterable<bigint>;

/** How a segment is to be opened. */
export type Disposition = 'create' | 'open' | 'open-or-create';

/** What {@link Platform.openSegment} is asked for. */
export interface SegmentRequest {
  /** Name from {@link Platform.osName}. */
  readonly osName: string;
  /** `create` fails when it exists, `open` when it does not. */
  readonly disposition: Disposition;
  /** Bytes of a new one. */
  readonly size: number;
  /** Bytes of one that exists, which it must have at least and of which no more are mapped; 0 maps all there are. */
  readonly existingSize: number;
  /** Maps the memory without the right to store. Only with `open`. Defaults to false. */
  readonly readOnly?: boolean;
  /** POSIX permission bits of a new segment. Defaults to 0o600. */
  readonly mode?: number;
  /** POSIX group of a new segment. Defaults to the one that the operating system gives it. */
  readonly group?: number | string;
  /** Asks for large pages for a new segment, or fails. Defaults to false. */
  readonly largePages?: boolean;
  /**
   * Fills a new segment. It gets the zeroed memory before any other process uses it.
   */
  readonly initialise?: (memory: OwnBytes) => void;
}

/**
 * The steps of opening a segment. Each yields how many milliseconds to let pass before the next one, 0 where the event loop
 * may have a turn, and is told whether there is no more time to wait for other processes. Ending them early leaves nothing.
 */
export type Opening<R = Segment> = Generator<number, R, boolean>;

/** What {@link Platform.openFile} is asked for. */
export interface FileRequest {
  readonly path: string;
  /** Bytes that are mapped; the file is made that long where it is shorter. 0 maps the file as it is. */
  readonly size: number;
  /** Maps the memory without the right to store. */
  readonly readOnly: boolean;
}

/** A mapped segment. */
export interface Segment {
  /** The memory itself, empty after `close`. Storing into it kills the process when `readOnly`. */
  readonly memory: SharedMemory;
  /**
   * A writable view of the first page, also when `memory` is not writable: the lock word lives there. The same buffer
   * as `memory` unless `readOnly`; undefined where the operating system grants reading only.
   */
  readonly lockPage: SharedMemory | undefined;
  /** Bytes of `memory`. */
  readonly size: number;
  /** Whether this call made it. */
  readonly created: boolean;
  /** Whom its file lets in, as it was when it was opened; undefined where no file backs it, as on Windows. */
  readonly access: Access | undefined;
  /**
   * Whether its name still leads to it. False only where it surely does not: the name was removed while it was open, so
   * that others do not find it any more.
   */
  isNamed(): boolean;
  /** Writes changes to the disk and waits for that. Nothing to do for a segment that no file backs. */
  flush(): void;
  /**
   * Unmaps it, and removes the segment when no other process holds it. A second call does nothing.
   *
   * @param last says that all others have left, or died: for the operating system a process may hold the segment still
   * for a moment after its death was proved, and this waits for that, 100 ms at most. Defaults to false.
   */
  close(last?: boolean): void;
}

/** A segment that this process looks at without holding it: the segment ends when its last holder closes it. */
export interface SegmentView {
  /** Whom its file lets in, as it was when it was opened; undefined where no file backs it, as on Windows. */
  readonly access: Access | undefined;
  /** Whether the segment has ended, and will not change any more, though it may be looked at still. */
  hasEnded(): boolean;
  /**
   * Calls back with the memory and its length in bytes. The memory must not be stored into, which ends the process, and on Windows
   * not be used after the call: there it is mapped for each look, as a mapping keeps a segment alive.
   *
   * @returns what the callback returned; undefined where the segment has ended and cannot be looked at any more.
   */
  look<R>(read: (memory: SharedMemory, size: number) => R): R | undefined;
  /** Unmaps it. A second call does nothing. */
  close(): void;
}

/** Whom a file lets in, as POSIX has it. */
export interface Access {
  /** Its owner. */
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * The users that may participate in a segment: one, beside the superuser; the members of a group; or all. Windows knows only
 * this user.
 */
export type Audience =
  | { readonly of: 'user'; readonly uid: number }
  | { readonly of: 'group'; readonly gid: number }
  | { readonly of: 'everyone' };

/** Who a process is, so that a reused process id is not taken for it. All zero where unknown. */
export interface ProcessIdentity {
  /** Process id in its own PID namespace. */
  readonly pid: number;
  /** When it started, in the operating system's own unit; 0 = unknown. */
  readonly startTime: bigint;
  /** Which PID namespace `pid` belongs to; 0 = unknown. Windows has one namespace, 1. */
  readonly pidNamespace: bigint;
}

/** Names a port: enough to ring it, and to prove its owner dead. */
export interface PortAddress extends ProcessIdentity {
  /** Random and never 0; the port's files or objects are named after it. */
  readonly nonce: bigint;
  /** Id of the owner's thread, where the operating system can tell that a thread is gone, as Windows can; else 0. */
  readonly threadId: number;
  /** When that thread was created, in the unit of `startTime`; 0 = unknown. */
  readonly threadStartTime: bigint;
}

/**
 * The port of one process or Worker: a bell that others ring to wake its event loop, and a life line that ends with
 * its owner. Waiting costs neither a thread nor polling.
 */
export interface Port {
  readonly address: PortAddress;
  /** Called after the bell was rung, once for any number of rings in between. */
  onRing: (() => void) | undefined;
  /** Keeps the event loop alive. A new port does not. */
  ref(): void;
  /** Lets the event loop end. */
  unref(): void;
  /** Whether others can find it. False only where they surely cannot: its names were removed while it was open. */
  isNamed(): boolean;
  /** Ends the life line and removes what belongs to the port. A second call does nothing. */
  close(): void;
}

/** `unknown` must be taken as alive. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/**
 * What ringing came to. `alive`: it rings, or was ringing already. `absent`: there is no bell of that name, which proves
 * nothing of its owner. `unknown`: it could not be rung, and the next try may succeed.
 */
export type RingOutcome = Liveness | 'absent';

/** The far end of the bell of another port. What kept it from being opened is tried again at each ring. */
export interface Bell {
  /** Rings without blocking. */
  ring(): RingOutcome;
  close(): void;
}

/** A watch on a life line. */
export interface LifeWatch {
  /** Ends the watch; the callback is not called after this. */
  close(): void;
}
