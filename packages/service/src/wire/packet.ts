import type { Codec } from '@mmfbus/codec';

/** The bytes of one message, in memory of this process: valid until the next one is read. */
export interface Packet {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** A codec that decodes nothing: each message is the same object, which says where its bytes are. Encodes nothing. */
export function packetCodec(): Codec<Packet> {
  const packet: Packet = { bytes: new Uint8Array(0), start: 0, end: 0 };
  return {
    id: 'packet',
    encode() {
      throw new Error('packets are read only');
    },
    decode(bytes, start, end) {
      packet.bytes = bytes;
      packet.start = start;
      packet.end = end;
      return packet;
    },
  };
}

/** Reads a number of 16, 32 or 64 bits; of 64 exact up to 2^53. The caller has checked the bounds. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) | (readU16(bytes, at + 2) << 16)) >>> 0;
}

export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4) * 2 ** 32 + readU32(bytes, at);
}
