/**
 * The function API of winmmf, under its names: a process-wide collection of mappings, each known by a handle, one of
 * them the default. A thin layer on {@link MemoryMappedFile}.
 *
 * ```ts no-run
 * import * as winmmf from '@mmfbus/core/winmmf';
 *
 * winmmf.init();
 * winmmf.new(1024, 'greeting', winmmf.ValidNamespaces.LOCAL);
 * winmmf.write(undefined, Buffer.from('hello'));
 * winmmf.close();
 * ```
 *
 * Handles begin at 1 and stay what they are when another one is closed. Where a handle may be left out, or is 0 or
 * undefined, the default is meant. Results that are negative are errors; their numbers are the reference's.
 *
 * @packageDocumentation
 */
import { isDetached, show } from './arguments.js';
import { detach } from './detach.js';
import { MmfError, type MmfErrorCode } from './errors.js';
import { MemoryMappedFile } from './memory-mapped-file.js';
import type { ValidNamespace } from './namespaces.js';

export { type ValidNamespace, ValidNamespaces } from './namespaces.js';

const OK = 0;

interface Collection {
  /** By handle less 1. A mapping that was closed stays, so that its handle is known to be closed. */
  readonly mappings: MemoryMappedFile[];
  readonly limit: number;
  /** Handle of the default; 0 for the newest one that is open. */
  selected: number;
}

let collection: Collection | undefined;
/** The memory of what {@link read} returned. */
const results = new WeakSet<ArrayBufferLike>();

/**
 * Makes the collection. Opening a first mapping does it as well, without a limit.
 *
 * @param count most mappings that it will hold, open ones and closed ones; at least 1. Defaults to no limit.
 * @returns 0, or -1 when it is there already.
 * @throws {@link MmfError} `INVALID_ARGUMENT` when `count` is no such number.
 */
export function init(count: number = Number.POSITIVE_INFINITY): number {
  if (count !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(count) && count >= 1)) {
    throw new MmfError('INVALID_ARGUMENT', `count must be a whole number of at least 1, not ${show(count)}`);
  }
  if (collection !== undefined) return -1;
  collection = { mappings: [], limit: count, selected: 0 };
  return OK;
}

/** -1 a bad size, -2 a bad name, -3 a bad namespace, -4 could not be opened. */
function openingResult(error: unknown): number {
  return error instanceof MmfError && error.code === 'INVALID_NAME' ? -2 : -4;
}

function store(namespace: unknown, open: () => MemoryMappedFile): number {
  if (namespace !== 0 && namespace !== 1 && namespace !== 2) return -3;
  if (collection === undefined) init();
  const { mappings, limit } = collection as Collection;
  if (mappings.length >= limit) return -5;
  try {
    mappings.push(open());
  } catch (error) {
    return openingResult(error);
  }
  (collection as Collection).selected = mappings.length;
  return mappings.length;
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && !name.includes('\0') && !/\p{Surrogate}/u.test(name);
}

function isSize(size: unknown, least: number): size is number {
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= least;
}

/**
 * Creates a mapping of `size` bytes, all zero, and makes it the default.
 *
 * @returns its handle; -1 when the size is none, 0 among them; -2 when the name is none; -3 when the namespace is none;
 * -4 when it could not be created, because the name is taken for one; -5 when `init` left no room for it.
 */
function create(size: number, name: string, namespace: ValidNamespace): number {
  if (!isSize(size, 1)) return -1;
  if (!isName(name)) return -2;
  return store(namespace, () => MemoryMappedFile.create(name, size, { namespace }));
}

export { create as new };

/**
 * Opens a mapping for reading and writing, and makes it the default.
 *
 * @param size bytes that it must have at least; 0 or undefined takes what is there.
 * @returns its handle; -1 to -5 as for `new`.
 */
export function open(size: number | undefined, name: string, namespace: ValidNamespace): number {
  if (!isSize(size ?? 0, 0)) return -1;
  if (!isName(name)) return -2;
  return store(namespace, () => MemoryMappedFile.open(name, size ?? 0, { namespace }));
}

/**
 * Opens a mapping for reading only, and makes it the default.
 *
 * @param size as for {@link open}.
 * @returns its handle; -1 to -5 as for `new`.
 */
export function open_ro(size: number | undefined, name: string, namespace: ValidNamespace): number {
  if (!isSize(size ?? 0, 0)) return -1;
  if (!isName(name)) return -2;
  return store(namespace, () => MemoryMappedFile.openReadOnly(name, size ?? 0, { namespace }));
}

/** The newest handle that is open; 0 without one. */
function newest({ mappings }: Collection): number {
  return mappings.findLastIndex(({ isReadable }) => isReadable) + 1;
}

/** The handle that is meant; 0 when nothing is open. */
function resolve(handle: unknown, { mappings, selected }: Collection): unknown {
  if (handle !== undefined && handle !== 0) return handle;
  return mappings[selected - 1]?.isReadable === true ? selected : newest(collection as Collection);
}

type Found = MemoryMappedFile | 'uninitialised' | 'nothing open' | 'closed' | 'unknown';

function find(handle: unknown): Found {
  if (collection === undefined) return 'uninitialised';
  const meant = resolve(handle, collection);
  if (meant === 0) return collection.mappings.length === 0 ? 'nothing open' : 'closed';
  const mapping = isSize(meant, 1) ? collection.mappings[meant - 1] : undefined;
  if (mapping === undefined) return newest(collection) === 0 ? 'nothing open' : 'unknown';
  return mapping.isReadable ? mapping : 'closed';
}

/**
 * Reads from the start of the data.
 *
 * @param count bytes; 0, the default, means all.
 * @returns a copy in memory of its own; {@link free_result} is not needed, but may be called.
 * @throws {@link MmfError} `UNINITIALIZED` before `init` and the first mapping; `CLOSED`; `INVALID_ARGUMENT` for a handle
 * or invalid count; `TIMEOUT` when the lock is not available.
 */
export function read(handle?: number, count = 0): Uint8Array {
  const mapping = find(handle);
  if (mapping instanceof MemoryMappedFile) {
    const result = count === 0 ? mapping.read() : mapping.read(count);
    results.add(result.buffer);
    return result;
  }
  const codes = {
    uninitialised: 'UNINITIALIZED',
    'nothing open': 'CLOSED',
    closed: 'CLOSED',
    unknown: 'INVALID_ARGUMENT',
  };
  throw new MmfError(
    codes[mapping] as MmfErrorCode,
    `no mapping to read with handle ${show(handle ?? 0)}: ${mapping}`,
  );
}

/**
 * Reads `count` bytes from the start of the data into `buffer`.
 *
 * @returns 0; -1 when nothing was opened; -2 when the mapping is closed; -3 before `init` and the first mapping; -4 for
 * anything else: an unknown handle, a count beyond the mapping or the buffer, a lock that is not available.
 */
export function read_buf(handle: number | undefined, count: number, buffer: Uint8Array): number {
  const mapping = find(handle);
  if (mapping === 'nothing open') return -1;
  if (mapping === 'closed') return -2;
  if (mapping === 'uninitialised') return -3;
  if (mapping === 'unknown') return -4;
  try {
    mapping.readInto(buffer, count);
    return OK;
  } catch {
    return -4;
  }
}

/**
 * Writes the first `size` bytes of `data` to the start of the mapping. What lies behind them stays.
 *
 * @param size defaults to all of `data`.
 * @returns 0; -1 when the mapping is read-only or closed; -2 when it is smaller than that; -3 before `init` and the first
 * mapping; -4 when the lock is not available; -5 for wrong arguments.
 */
export function write(handle: number | undefined, data: Uint8Array, size: number = data?.length): number {
  if (!(data instanceof Uint8Array) || isDetached(data) || !isSize(size, 0) || size > data.length) return -5;
  const mapping = find(handle);
  if (mapping === 'uninitialised') return -3;
  if (mapping === 'unknown') return -5;
  if (!(mapping instanceof MemoryMappedFile) || !mapping.isWritable) return -1;
  if (size > mapping.size) return -2;
  try {
    mapping.write(data.subarray(0, size));
    return OK;
  } catch {
    return -4;
  }
}

/**
 * Frees what {@link read} gave, at once instead of when it is collected: it has no bytes afterwards. Freeing it twice, or
 * something else, does nothing.
 *
 * @param _handle is not needed; it stands for the reference's argument.
 */
export function free_result(_handle: number | undefined, result: Uint8Array): void {
  free(result);
}

/**
 * Frees what {@link read} gave, as {@link free_result} does.
 *
 * @throws {@link MmfError} `INVALID_ARGUMENT` when `size` is not what it has.
 */
export function free_raw(result: Uint8Array, size: number): void {
  if (result instanceof Uint8Array && result.length !== 0 && result.length !== size) {
    throw new MmfError('INVALID_ARGUMENT', `the result has ${result.length} bytes, not ${show(size)}`);
  }
  free(result);
}

function free(result: Uint8Array): void {
  if (!(result instanceof Uint8Array)) {
    throw new MmfError('INVALID_ARGUMENT', `a result is a Uint8Array, not ${show(result)}`);
  }
  const { buffer } = result;
  // Other bytes may lie in a pool that Node shares out, or be in use elsewhere.
  if (buffer instanceof ArrayBuffer && results.delete(buffer)) detach(buffer);
}

/** Closes the mapping; its data lives on while any process holds it. Nothing where it is closed or unknown. */
export function close(handle?: number): void {
  const mapping = find(handle);
  if (mapping instanceof MemoryMappedFile) mapping.close();
}

/**
 * Sets the default.
 *
 * @param handle 0, undefined, closed or unknown: the newest that is open.
 * @returns the handle that is the default now, 0 when none is open; -1 before `init` and the first mapping.
 */
export function select_default(handle?: number): number {
  if (collection === undefined) return -1;
  const isOpen = isSize(handle, 1) && collection.mappings[handle - 1]?.isReadable === true;
  collection.selected = isOpen ? handle : newest(collection);
  return collection.selected;
}
