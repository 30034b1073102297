import type { Codec } from '@mmfbus/codec';

const target = new Uint8Array(8 * 2 ** 20);

/** The bytes of a value, in memory of their own. */
export function encoded<T>(codec: Codec<T>, value: T): Uint8Array {
  return target.slice(0, codec.encode(value, target, 0));
}

/** The value of all the bytes. */
export function decoded<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return codec.decode(bytes, 0, bytes.length);
}
