/** What a word of 32 or of 64 bits holds. */
export type Value = number | bigint;

/** How shared memory is accessed: by an atomic operation, or plainly by `read` and `write`. */
export type Access =
  | 'load'
  | 'store'
  | 'add'
  | 'sub'
  | 'and'
  | 'or'
  | 'exchange'
  | 'compareExchange'
  | 'read'
  | 'write';

/** An access to shared memory. */
export interface MemoryOperation {
  readonly kind: 'memory';
  readonly access: Access;
  /** Index of the place in {@link Cells}. */
  readonly cell: number;
  readonly value?: Value | undefined;
  readonly expected?: Value | undefined;
  /** Whether it happens together with the operation before it; false where it certainly does not, because others go with it. */
  readonly isJoined?: boolean | undefined;
}

/** A call of the operating system about a port. */
export interface SystemOperation {
  readonly kind: 'system';
  readonly call: 'open' | 'close' | 'ring' | 'probe' | 'watch' | 'remove';
  readonly port: number;
  /** Whether the caller knows the owner's process, so that its death can be proved without the port. */
  readonly pidKnown?: boolean | undefined;
  /** `ring`: whether the bell was connected before; otherwise that is tried now. */
  readonly connected?: boolean | undefined;
  /** Whether it happens together with the operation before it. */
  readonly isJoined?: boolean | undefined;
}

/** The event loop has nothing to run: it waits for one of these. */
export interface IdleOperation {
  readonly kind: 'idle';
  /** Whether the process's program has come to its end. */
  readonly done: boolean;
  /** Whether an immediate is due, or a caller awaits the next turn. */
  readonly immediate: boolean;
  readonly timers: readonly number[];
  /** Those that were set since it got its last event. */
  readonly fresh: readonly number[];
  /** Whether it hears its bell. */
  readonly bell: boolean;
  readonly watches: readonly { readonly id: number; readonly port: number }[];
}

/** The process has joined and waits for all to begin. */
export interface StartOperation {
  readonly kind: 'start';
}

/** The process ended by an uncaught error. */
export interface FailedOperation {
  readonly kind: 'failed';
  readonly error: string;
}

/** The next thing that a process does which others can notice, or which depends on others. */
export type Operation = MemoryOperation | SystemOperation | IdleOperation | StartOperation | FailedOperation;

/** What an operation gave back: a value of memory, an answer of the system, or the event that came. */
export type Result = Value | string;
