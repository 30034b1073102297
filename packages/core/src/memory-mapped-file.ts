import {
  checkBytes,
  checkOptions,
  checkPath,
  checkSize,
  isAnything,
  isBoolean,
  isFunction,
  isMode,
  type Rules,
} from './arguments.js';
import { MmfError } from './errors.js';
import { atExit } from './exit-hooks.js';
import { type Lock, type LockKind, type LockWait, spinAcquire } from './lock.js';
import { LockHolds } from './lock-holds.js';
import { DATA_OFFSET } from './mmf-layout.js';
import { type ValidNamespace, ValidNamespaces } from './namespaces.js';
import type { Disposition, Segment } from './platform/platform.js';
import { RWLock } from './rw-lock.js';
import { MAX_SEGMENT_SIZE, openFileSegment, openSegmentFor } from './segment.js';
import {
  copyAcross,
  copyIn,
  copyInto,
  copyOut,
  exposeBytes,
  type SharedBytes,
  type SharedMemory,
  sharedBytes,
  shareMemory,
} from './shared-memory.js';
import { openSource, TRANSFER_RULES, type TransferOptions, writeFileFrom } from './transfer.js';

/** Options of {@link MemoryMappedFile.create} and its like. */
export interface MemoryMappedFileOptions {
  /** Where the name lives. Defaults to `ValidNamespaces.LOCAL`. */
  readonly namespace?: ValidNamespace | undefined;
  /** POSIX permission bits of a new mapping. Defaults to 0o600. Windows uses the default security of the user. */
  readonly mode?: number | undefined;
  /** Guards the data by another lock than winmmf's. All who open the mapping must do the same. */
  readonly lock?: LockMaker | undefined;
}

/** Options of {@link MemoryMappedFile.create} and {@link MemoryMappedFile.openOrCreate}. */
export interface CreateOptions extends MemoryMappedFileOptions {
  /**
   * Has a new mapping use large pages: SEC_LARGE_PAGES on Windows, which takes SeLockMemoryPrivilege; transparent huge
   * pages on Linux, which takes a `/dev/shm` that is mounted with `huge=advise` or more. Fails where the system does not
   * grant them. Defaults to false.
   */
  readonly largePages?: boolean | undefined;
}

/**
 * Makes a lock for a mapping.
 *
 * @param memory begins with the 4 bytes of winmmf's lock word, which are the lock's to use, and is writable there.
 * @param created whether this mapping is new, so that the lock has to be set up. No other process sees it yet.
 */
export type LockMaker = (memory: SharedMemory, created: boolean) => Lock;

const makeRWLock: LockMaker = (memory, created) => {
  const lock = new RWLock(memory);
  if (created) lock.initialise();
  return lock;
};

/** Options of {@link MemoryMappedFile.openFile}. */
export interface FileOptions {
  /** Maps it for reading only; the operating system enforces it. Defaults to false. */
  readonly readOnly?: boolean | undefined;
  /** Guards the data by another lock than winmmf's. All who open the file must do the same. */
  readonly lock?: LockMaker | undefined;
}

const OPEN_RULES: Rules = { namespace: isAnything, mode: isMode, lock: isFunction };
const CREATE_RULES: Rules = { ...OPEN_RULES, largePages: isBoolean };
const FROM_FILE_RULES: Rules = { ...CREATE_RULES, ...TRANSFER_RULES };
const FILE_RULES: Rules = { readOnly: isBoolean, lock: isFunction };

const MAX_SIZE: number = MAX_SEGMENT_SIZE - DATA_OFFSET;

/**
 * Bytes under a name that every process of the machine can open, guarded by a lock between processes. The layout is
 * winmmf's, so programs built on that library share it.
 *
 * The last one to close it removes it.
 */
export class MemoryMappedFile {
  /** The name it was opened by. */
  readonly name: string;
  /** Where that name lives. */
  readonly namespace: ValidNamespace;
  /** Bytes of data. */
  readonly size: number;
  readonly #segment: Segment;
  readonly #data: SharedBytes;
  readonly #lock: Lock | undefined;
  readonly #holds: LockHolds | undefined;
  readonly #writable: boolean;
  readonly #forgetExit: () => void;
  #open = true;

  private constructor(
    segment: Segment,
    name: string,
    namespace: ValidNamespace,
    writable: boolean,
    makeLock: LockMaker,
  ) {
    this.name = name;
    this.namespace = namespace;
    this.size = segment.size - DATA_OFFSET;
    this.#segment = segment;
    this.#data = sharedBytes(segment.memory, DATA_OFFSET, this.size);
    this.#lock = segment.lockPage && makeLock(segment.lockPage, false);
    this.#holds = this.#lock && new LockHolds(this.#lock);
    this.#writable = writable;
    this.#forgetExit = atExit(() => this.close());
  }

  /**
   * Creates a mapping for `size` bytes, all zero.
   *
   * @throws {@link MmfError} `EXISTS` when the name is taken; `INVALID_ARGUMENT`, `INVALID_NAME`, `NO_SPACE`,
   * `ACCESS_DENIED`, `BUSY`, `UNSUPPORTED` or `OS_ERROR`.
   */
  static create(name: string, size: number, options: CreateOptions = {}): MemoryMappedFile {
    return MemoryMappedFile.#openAs(name, 'create', size, options);
  }

  /**
   * Opens a mapping for reading and writing.
   *
   * @param size bytes of data it must have at least; 0, the default, takes what is there.
   * @throws {@link MmfError} `NOT_FOUND`; `SIZE_MISMATCH` when it is smaller; `INVALID_ARGUMENT`, `INVALID_NAME`,
   * `ACCESS_DENIED`, `BUSY`, `UNSUPPORTED` or `OS_ERROR`.
   */
  static open(name: string, size = 0, options: MemoryMappedFileOptions = {}): MemoryMappedFile {
    return MemoryMappedFile.#openAs(name, 'open', size, options);
  }

  /**
   * Opens a mapping for reading only; the operating system enforces it.
   *
   * @param size as for {@link MemoryMappedFile.open}.
   * @throws {@link MmfError} as {@link MemoryMappedFile.open} does.
   */
  static openReadOnly(name: string, size = 0, options: MemoryMappedFileOptions = {}): MemoryMappedFile {
    return MemoryMappedFile.#openAs(name, 'open', size, options, true);
  }

  /**
   * Opens the mapping, or creates it when there is none.
   *
   * @throws {@link MmfError} as {@link MemoryMappedFile.create} and {@link MemoryMappedFile.open} do.
   */
  static openOrCreate(name: string, size: number, options: CreateOptions = {}): MemoryMappedFile {
    return MemoryMappedFile.#openAs(name, 'open-or-create', size, options);
  }

  /**
   * Maps a file, which keeps the data when no process has it open. The file begins with the lock word, so it is one that this
   * function made.
   *
   * @param path also becomes the mapping's name.
   * @param size bytes of data; the file is made that long where it is shorter. 0, the default, takes the file as it is.
   * @throws {@link MmfError} `NOT_FOUND`, with size 0; `SIZE_MISMATCH` when it is too short and read-only, or empty;
   * `INVALID_ARGUMENT`, `INVALID_NAME`, `NO_SPACE`, `ACCESS_DENIED`, `UNSUPPORTED` or `OS_ERROR`.
   */
  static openFile(path: string, size = 0, options: FileOptions = {}): MemoryMappedFile {
    checkOptions(options, FILE_RULES, 'openFile');
    checkSize(size, 'size', 0, MAX_SIZE);
    const { readOnly = false, lock = makeRWLock } = options;
    const segment = openFileSegment(path, size === 0 ? 0 : size + DATA_OFFSET, readOnly);
    return MemoryMappedFile.#over(segment, path, ValidNamespaces.CUSTOM, !readOnly, lock);
  }

  /**
   * Creates a mapping with the contents of a file, which is only read.
   *
   * @throws {@link MmfError} as {@link MemoryMappedFile.create} does, and `NOT_FOUND` or another code when the file cannot be
   * read; the signal's reason when it aborts. Then nothing is left of the mapping.
   */
  static async fromFile(
    path: string,
    name: string,
    options: CreateOptions & TransferOptions = {},
  ): Promise<MemoryMappedFile> {
    checkOptions(options, FROM_FILE_RULES, 'fromFile');
    checkPath(path);
    const { signal, timeout, onProgress, ...making } = options;
    const source = await openSource(path);
    let mapping: MemoryMappedFile | undefined;
    try {
      const made = MemoryMappedFile.create(name, source.size, making);
      mapping = made;
      await made.withWriteLock(() => source.readInto(made.#data, { signal, onProgress }), {
        signal,
        timeout,
      });
      return made;
    } catch (error) {
      mapping?.close();
      throw error;
    } finally {
      await source.close();
    }
  }

  /** Closes the segment where it cannot be made a mapping of. */
  static #over(
    segment: Segment,
    name: string,
    namespace: ValidNamespace,
    writable: boolean,
    lock: LockMaker,
  ): MemoryMappedFile {
    try {
      checkMapping(segment, name);
      return new MemoryMappedFile(segment, name, namespace, writable, lock);
    } catch (error) {
      segment.close();
      throw error;
    }
  }

  static #openAs(
    name: string,
    disposition: Disposition,
    size: number,
    options: CreateOptions,
    readOnly = false,
  ): MemoryMappedFile {
    const rules = disposition === 'open' ? OPEN_RULES : CREATE_RULES;
    checkOptions(options, rules, 'a mapping');
    const { namespace = ValidNamespaces.LOCAL, mode, largePages, lock = makeRWLock } = options;
    checkSize(size, 'size', disposition === 'open' ? 0 : 1, MAX_SIZE);
    const request = {
      name,
      namespace,
      disposition,
      size: size === 0 ? 0 : size + DATA_OFFSET,
      mode,
      largePages,
      initialise: (memory: Uint8Array<ArrayBuffer>) => void lock(shareMemory(memory), true),
    };
    const segment = openSegmentFor(request, readOnly);
    return MemoryMappedFile.#over(segment, name, namespace, !readOnly, lock);
  }

  /** Whether `read` can work: it is open. */
  get isReadable(): boolean {
    return this.#open;
  }

  /** Whether `write` can work: it is open, and not for reading only. */
  get isWritable(): boolean {
    return this.#open && this.#writable;
  }

  /**
   * The lock between processes that guards the data; `read` and `write` take it by themselves.
   *
   * @throws {@link MmfError} `CLOSED`; `ACCESS_DENIED` where the operating system grants reading only, since taking a
   * lock means writing.
   */
  get lock(): Lock {
    return this.#lockable(this.#lock);
  }

  /**
   * Copies the first `count` bytes out, under the read lock.
   *
   * @param count defaults to all.
   * @throws {@link MmfError} `CLOSED`, `INVALID_ARGUMENT`; `TIMEOUT` or `UNINITIALIZED` when the lock is not to be
   * had; `ACCESS_DENIED` where there is none to take.
   */
  read(count: number = this.size): Uint8Array {
    const target = new Uint8Array(this.#checkCount(count));
    return target.subarray(0, this.readInto(target, count));
  }

  /**
   * Copies the first `count` bytes into `target`, under the read lock.
   *
   * @param count defaults to as many as there are and `target` holds.
   * @returns `count`.
   * @throws {@link MmfError} as {@link MemoryMappedFile.read} does.
   */
  readInto(target: Uint8Array, count: number = Math.min(this.size, target.length)): number {
    checkBytes(target, 'target');
    checkSize(this.#checkCount(count), 'count', 0, target.length);
    return this.#locked('read', () => {
      copyInto(this.#data, 0, count, target, 0);
      return count;
    });
  }

  /**
   * Copies the first `count` bytes out without taking the lock: what a writer does meanwhile may show in half. For where
   * the operating system grants reading only.
   *
   * @param count defaults to all.
   * @throws {@link MmfError} `CLOSED` or `INVALID_ARGUMENT`.
   */
  readUnlocked(count: number = this.size): Uint8Array {
    return copyOut(this.#data, 0, this.#checkCount(count));
  }

  /**
   * A view of a part of the data, without a copy. It takes no lock: hold {@link MemoryMappedFile.lock} while you use it.
   * Even then a process that ignores the lock can change the bytes at any moment, so read and store its elements, or copy
   * it with `slice()`: Node's text decoders and methods of `Buffer` such as `toString` read bytes twice, and end this
   * process where they have changed in between.
   *
   * `close` empties it. For numbers of more than a byte use a `DataView` over it, or a part that is aligned to their size:
   * the data begins 4 bytes behind the start of its buffer. Its type is that of an `Uint8Array` over an `ArrayBuffer`, as every
   * version of TypeScript knows it.
   *
   * @param offset bytes from the start of the data. Defaults to 0.
   * @param length bytes. Defaults to what follows.
   * @throws {@link MmfError} `CLOSED`; `INVALID_ARGUMENT` beyond the data; `READ_ONLY` for a read-only mapping, because
   * JavaScript has no read-only view and a store would end the process.
   */
  view(offset = 0, length: number = this.size - offset): ReturnType<Uint8Array['slice']> {
    this.#checkOpen();
    this.#checkWritable('no view');
    checkSize(offset, 'offset', 0, this.size);
    checkSize(length, 'length', 0, this.size - offset);
    return exposeBytes(this.#data, offset, offset + length);
  }

  /**
   * Makes a larger mapping with the same data under another name. This one stays as it is, for the processes that have it open;
   * close it when it is no longer needed.
   *
   * @throws {@link MmfError} `INVALID_ARGUMENT` when it would not be larger; what {@link MemoryMappedFile.create} and
   * {@link MemoryMappedFile.read} throw.
   */
  resize(name: string, size: number, options: CreateOptions = {}): MemoryMappedFile {
    this.#checkOpen();
    checkSize(size, 'size', this.size + 1, MAX_SIZE);
    const larger = MemoryMappedFile.create(name, size, options);
    try {
      this.#locked('read', () => copyAcross(this.#data, larger.#data));
      return larger;
    } catch (error) {
      larger.close();
      throw error;
    }
  }

  /**
   * Writes the data to a file, under the read lock. The file appears when it is complete.
   *
   * @throws {@link MmfError} `CLOSED`, also when it is closed meanwhile; as the waiting for the lock does; `NO_SPACE`,
   * `ACCESS_DENIED` or another code when the file cannot be written; the signal's reason when it aborts. Then the file is
   * as it was.
   */
  async dumpTo(path: string, options: TransferOptions = {}): Promise<void> {
    checkOptions(options, TRANSFER_RULES, 'dumpTo');
    checkPath(path);
    const { signal, timeout } = options;
    const write = () => writeFileFrom(path, this.#data, this.size, options);
    await this.#withLock('read', write, { signal, timeout }, 'dumpTo');
  }

  /**
   * Writes changes of a mapping that was made by {@link MemoryMappedFile.openFile} to the disk, and waits for that. Other
   * mappings have nothing to flush.
   *
   * @throws {@link MmfError} `CLOSED` or `OS_ERROR`.
   */
  flush(): void {
    this.#checkOpen();
    this.#segment.flush();
  }

  /**
   * Copies `data` to the start of the mapping, under the write lock. What lies behind it keeps its bytes.
   *
   * @throws {@link MmfError} `CLOSED`, `READ_ONLY`; `INVALID_ARGUMENT` when it does not fit; `TIMEOUT` or
   * `UNINITIALIZED` when the lock is not available.
   */
  write(data: Uint8Array): void {
    checkBytes(data, 'data');
    this.#checkOpen();
    this.#checkWritable('not written');
    this.#checkCount(data.length);
    this.#locked('write', () => copyIn(data, this.#data, 0));
  }

  /**
   * Waits for the read lock without blocking the event loop, runs `use` and releases the lock. Closing the mapping and the
   * end of the process release it too, by whatever comes first.
   *
   * @returns what `use` returns.
   * @throws {@link MmfError} `CLOSED`, also when it is closed while it waits; `TIMEOUT` after the timeout; `ACCESS_DENIED`,
   * `UNINITIALIZED` or `INVALID_ARGUMENT`; the signal's reason when it aborts; and what `use` throws.
   */
  async withReadLock<R>(use: () => R | Promise<R>, wait: LockWait = {}): Promise<R> {
    return this.#withLock('read', use, wait, 'withReadLock');
  }

  /**
   * As {@link MemoryMappedFile.withReadLock}, with the write lock.
   *
   * @throws {@link MmfError} as {@link MemoryMappedFile.withReadLock} does.
   */
  async withWriteLock<R>(use: () => R | Promise<R>, wait: LockWait = {}): Promise<R> {
    return this.#withLock('write', use, wait, 'withWriteLock');
  }

  /**
   * Releases what {@link MemoryMappedFile.withReadLock} and its like hold, and unmaps it; everything else throws `CLOSED`
   * from now on. A second call does nothing.
   */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#holds?.close(new MmfError('CLOSED', `${this.name} was closed`));
    this.#segment.close();
    this.#forgetExit();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #withLock<R>(kind: LockKind, use: () => R | Promise<R>, wait: LockWait, of: string): Promise<R> {
    return this.#lockable(this.#holds).run(kind, use, wait, of);
  }

  #lockable<L>(lock: L | undefined): L {
    this.#checkOpen();
    if (lock !== undefined) return lock;
    throw new MmfError('ACCESS_DENIED', `${this.name} cannot be locked: this user may only read it`);
  }

  #locked<R>(kind: LockKind, use: () => R): R {
    const { lock } = this;
    spinAcquire(lock, kind);
    try {
      return use();
    } finally {
      lock.release(kind);
    }
  }

  #checkOpen(): void {
    if (!this.#open) throw new MmfError('CLOSED', `${this.name} is closed`);
  }

  #checkWritable(what: string): void {
    if (!this.#writable) throw new MmfError('READ_ONLY', `${what}: ${this.name} was opened for reading only`);
  }

  #checkCount(count: number): number {
    this.#checkOpen();
    checkSize(count, 'count', 0, this.size);
    return count;
  }
}

function checkMapping(segment: Segment, name: string): void {
  if (segment.size > DATA_OFFSET) return;
  throw new MmfError(
    'SIZE_MISMATCH',
    `${name} has ${segment.size} bytes; a mapping has at least ${DATA_OFFSET + 1}: the lock word and a byte of data`,
  );
}
