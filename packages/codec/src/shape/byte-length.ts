const { get: readLength } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'length',
) as { get(this: Uint8Array): number };

/** How long it is, whatever a property `length` of its own says: what is copied must be what was checked. */
export function byteLengthOf(bytes: Uint8Array): number {
  return readLength.call(bytes);
}
