import { describe, expect, it } from 'vitest';
import * as header from '../format/header-layout.js';
import { NONCE_OFFSET, PARTICIPANT_LENGTH } from '../format/participant-layout.js';
import { namedPorts } from './named-ports.js';

function channel(version: number, slots: number): Buffer {
  const bytes = Buffer.alloc(header.HEADER_LENGTH + slots * PARTICIPANT_LENGTH);
  bytes.writeBigUInt64LE(header.MAGIC, header.MAGIC_OFFSET);
  bytes.writeUInt32LE(version, header.FORMAT_VERSION_OFFSET);
  bytes.writeUInt32LE(slots, header.PARTICIPANT_COUNT_OFFSET);
  return bytes;
}

function named(bytes: Buffer): bigint[] {
  return [...namedPorts((offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)))];
}

describe('the ports that a segment names', () => {
  it('are those of its slots', () => {
    const bytes = channel(header.FORMAT_VERSION, 3);
    bytes.writeBigUInt64LE(7n, header.HEADER_LENGTH + NONCE_OFFSET);
    bytes.writeBigUInt64LE(9n, header.HEADER_LENGTH + 2 * PARTICIPANT_LENGTH + NONCE_OFFSET);
    expect(named(bytes)).toEqual([7n, 9n]);
    expect(named(bytes.subarray(0, header.HEADER_LENGTH + PARTICIPANT_LENGTH + 1))).toEqual([7n]);
  });

  it('are none where it is no channel, whole or cut off', () => {
    expect(named(Buffer.alloc(0))).toEqual([]);
    expect(named(Buffer.alloc(5000, 7))).toEqual([]);
    expect(named(channel(header.FORMAT_VERSION, 2 ** 20).subarray(0, 600))).toEqual([]);
  });

  it('stand anywhere in another version, and not more than there: other ports are removed all the same', () => {
    const bytes = channel(header.FORMAT_VERSION + 1, 3);
    bytes.writeBigUInt64LE(7n, 800);
    expect(named(bytes)).toContain(7n);
    expect(named(bytes)).not.toContain(8n);
  });
});
