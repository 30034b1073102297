import { bytes, type Shape, string, struct, u32 } from '@mmfbus/codec';

/** A KiB of bytes and two small fields. */
export interface Blob {
  id: number;
  name: string;
  data: Uint8Array;
}

const LENGTH = 1024;

export const blobShape: Shape<Blob> = struct({ id: u32(), name: string(), data: bytes() });

export function makeBlob(): Blob {
  return { id: 1, name: 'frame', data: Uint8Array.from({ length: LENGTH }, (_, index) => index & 0xff) };
}
