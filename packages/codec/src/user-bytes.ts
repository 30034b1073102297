import { types } from 'node:util';

// Bytes that a user hands over are asked by their internal slots: properties of their own may say anything.
const prototype: object = Object.getPrototypeOf(Uint8Array.prototype);
const readLength = getterOf<Uint8Array, number>(prototype, 'length');
const readOffset = getterOf<Uint8Array, number>(prototype, 'byteOffset');
const readBuffer = getterOf<Uint8Array, ArrayBufferLike>(prototype, 'buffer');
const readPrivateLength = getterOf<ArrayBuffer, number>(ArrayBuffer.prototype, 'byteLength');
const readAt = Uint8Array.prototype.at;

function getterOf<This, Result>(owner: object, name: string): (this: This) => Result {
  return Object.getOwnPropertyDescriptor(owner, name)?.get as (this: This) => Result;
}

/** How many bytes there are: what is copied must be what was checked. */
export function byteLengthOf(bytes: Uint8Array): number {
  return readLength.call(bytes);
}

/** The same bytes for numbers at any offset. */
export function viewUserData(bytes: Uint8Array): DataView {
  return new DataView(readBuffer.call(bytes), readOffset.call(bytes), readLength.call(bytes));
}

/** Whether their memory is gone: transferred to another thread, or cut off by a resize. Then their length is 0. */
export function isDetached(bytes: Uint8Array): boolean {
  if (readLength.call(bytes) > 0) return false;
  try {
    readAt.call(bytes, 0);
    return false;
  } catch {
    return true;
  }
}

/** Whether other threads can change them, and let them grow. */
export function isShared(bytes: Uint8Array): boolean {
  try {
    // In a tenth of the time of `types.isSharedArrayBuffer`: it throws for what is no ArrayBuffer.
    readPrivateLength.call(readBuffer.call(bytes) as ArrayBuffer);
    return false;
  } catch {
    return true;
  }
}

/** Copies the first `length` of them, by one copy, and never more: those of another thread can grow meanwhile. */
export function copyUserBytes(bytes: Uint8Array, length: number, target: Uint8Array, offset: number): void {
  if (length === 0) return;
  target.set(
    isShared(bytes) ? new Uint8Array(readBuffer.call(bytes), readOffset.call(bytes), length) : bytes,
    offset,
  );
}

/**
 * How many bytes a value has that are in memory of this thread alone; -1 for what is no Uint8Array, is shared, or has none:
 * empty ones may be detached.
 */
export function ownLengthOf(value: unknown): number {
  if (!types.isUint8Array(value)) return -1;
  const length = byteLengthOf(value);
  return length > 0 && !isShared(value) ? length : -1;
}

/** Up to this many bytes single stores take less time than a call of `set`. */
const FEW_BYTES = 32;

/** Copies the bytes of which {@link ownLengthOf} told how many there are; also to memory of the ring. */
export function putOwnBytes(
  target: { readonly length: number; [index: number]: number },
  offset: number,
  bytes: Uint8Array,
  length: number,
): void {
  if (length > FEW_BYTES) (target as Uint8Array).set(bytes, offset);
  else for (let index = 0; index < length; index += 1) target[offset + index] = bytes[index] as number;
}
