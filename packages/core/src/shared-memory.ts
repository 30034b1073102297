declare const brand: unique symbol;

/**
 * Memory that other processes can change at any moment.
 *
 * Text decoders, serializers and most methods of `Buffer` read what they are given more than once, and write beyond their
 * own memory where it has changed in between. So this type cannot be passed to them: the functions of this file give
 * views whose elements are read and stored one at a time, and copies that no other process can change.
 */
export interface SharedMemory {
  /** Bytes of it; 0 after it was unmapped. */
  readonly byteLength: number;
  readonly [brand]: never;
}

/** Bytes of shared memory: what `Uint8Array` can do one element at a time, and no more. */
export interface SharedBytes {
  readonly length: number;
  [index: number]: number;
}

/** What stores numbers of some bytes in shared memory, at any offset: of a `DataView` nothing that loads. */
export type SharedStores = Pick<DataView, 'setFloat32' | 'setFloat64' | 'setUint16' | 'setUint32'>;

/*
 * Views of an `ArrayBuffer`. From TypeScript 5.7 on these are `Uint8Array<ArrayBuffer>` and so on; before, typed arrays have no
 * type parameter, and programs that are checked with such a version could not read our declarations.
 */
export type OwnBytes = ReturnType<Uint8Array['slice']>;
export type OwnWords = ReturnType<Int32Array['slice']>;
export type OwnLongs = ReturnType<BigInt64Array['slice']>;

/** Tells the compiler that other processes can change this memory from now on. */
export function shareMemory(memory: OwnBytes): SharedMemory {
  return memory as unknown as SharedMemory;
}

/** 32-bit words of shared memory, for plain loads and stores and for `Atomics`. `offset` is in bytes, `count` in words. */
export function sharedWords(memory: SharedMemory, offset: number, count: number): OwnWords {
  const { buffer, start } = placeOf(memory, offset, count * Int32Array.BYTES_PER_ELEMENT);
  return new Int32Array(buffer, start, count);
}

/** 64-bit words of shared memory. `offset` is in bytes, `count` in words. */
export function sharedLongs(memory: SharedMemory, offset: number, count: number): OwnLongs {
  const { buffer, start } = placeOf(memory, offset, count * BigInt64Array.BYTES_PER_ELEMENT);
  return new BigInt64Array(buffer, start, count);
}

/** Bytes of shared memory, from `offset` on. */
export function sharedBytes(memory: SharedMemory, offset: number, length: number): SharedBytes {
  const { buffer, start } = placeOf(memory, offset, length);
  return new Uint8Array(buffer, start, length);
}

/** Stores in shared memory, from `offset` on. */
export function sharedStores(memory: SharedMemory, offset: number, length: number): SharedStores {
  const { buffer, start } = placeOf(memory, offset, length);
  return new DataView(buffer, start, length);
}

/** Copies `[start, end)` of shared memory to memory of its own, reading each byte once. */
export function copyOut(source: SharedBytes, start: number, end: number): OwnBytes {
  const copy = new Uint8Array(end - start);
  copyInto(source, start, end, copy, 0);
  return copy;
}

/** Copies `[start, end)` of shared memory to `target` from `offset` on, reading each byte once. */
export function copyInto(
  source: SharedBytes,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): void {
  if (end > start) target.set((source as Uint8Array).subarray(start, end), offset);
}

/** Copies private bytes to shared memory, from `offset` on. */
export function copyIn(source: Uint8Array, target: SharedBytes, offset: number): void {
  (target as Uint8Array).set(source, offset);
}

/** Copies shared memory to the start of other shared memory. */
export function copyAcross(source: SharedBytes, target: SharedBytes): void {
  (target as Uint8Array).set(source as Uint8Array);
}

/** A view of `[start, end)` that everything can be called on: for programs that say they know what that means. */
export function exposeBytes(memory: SharedBytes, start: number, end: number): OwnBytes {
  return (memory as OwnBytes).subarray(start, end);
}

/** Stores `value` in `[start, end)` of shared memory. */
export function fillShared(target: SharedBytes, value: number, start: number, end: number): void {
  (target as Uint8Array).fill(value, start, end);
}

/** Where bytes of shared memory lie. Its buffer may go on behind it. */
function placeOf(
  memory: SharedMemory,
  offset: number,
  length: number,
): { readonly buffer: ArrayBuffer; readonly start: number } {
  const { buffer, byteOffset, byteLength } = memory as unknown as OwnBytes;
  if (offset + length > byteLength) {
    throw new RangeError(`shared memory has ${byteLength} bytes; ${length} at ${offset} were asked for`);
  }
  return { buffer, start: byteOffset + offset };
}
