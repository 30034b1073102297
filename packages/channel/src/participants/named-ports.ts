import type { ReadSegment } from '@mmfbus/core';
import * as header from '../layout/header-layout.js';
import { MAX_PARTICIPANTS, NONCE_OFFSET, PARTICIPANT_LENGTH } from '../layout/participant-layout.js';

/**
 * Whether a segment is a channel whose table of participants names that port. A port serves all of its thread's slots,
 * in all channels: while one of them is not buried, the dead port's files must stay.
 */
export function namesPort(read: ReadSegment, nonce: bigint): boolean {
  const top = view(read(0, header.HEADER_LENGTH));
  if (top.byteLength < header.HEADER_LENGTH) return false;
  if (top.getBigUint64(header.MAGIC_OFFSET, true) !== header.MAGIC) return false;
  // Another version may name it anywhere.
  if (top.getUint32(header.FORMAT_VERSION_OFFSET, true) !== header.FORMAT_VERSION) return true;
  const count = Math.min(top.getUint32(header.PARTICIPANT_COUNT_OFFSET, true), MAX_PARTICIPANTS);
  const table = view(read(header.HEADER_LENGTH, count * PARTICIPANT_LENGTH));
  for (let slot = 0; slot + PARTICIPANT_LENGTH <= table.byteLength; slot += PARTICIPANT_LENGTH) {
    if (table.getBigUint64(slot + NONCE_OFFSET, true) === nonce) return true;
  }
  return false;
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
