import type { ReadSegment } from '@mmfbus/core/internal';
import * as header from '../format/header-layout.js';
import { MAX_PARTICIPANTS, NONCE_OFFSET, PARTICIPANT_LENGTH } from '../format/participant-layout.js';

/** Where another version of the format may name ports: in its first bytes, several times what this one needs for that. */
const OTHER_VERSION_LENGTH: number = 4 * (header.HEADER_LENGTH + MAX_PARTICIPANTS * PARTICIPANT_LENGTH);
const LONG = 8;

/**
 * The ports that a segment names, if it is a channel, in its table of participants. A port serves all of its thread's
 * slots, in all channels: while one of them is not reclaimed, the dead port's files must stay.
 */
export function* namedPorts(read: ReadSegment): Generator<bigint, void> {
  const top = view(read(0, header.HEADER_LENGTH));
  if (top.byteLength < header.HEADER_LENGTH) return;
  if (top.getBigUint64(header.MAGIC_OFFSET, true) !== header.MAGIC) return;
  if (top.getUint32(header.FORMAT_VERSION_OFFSET, true) !== header.FORMAT_VERSION) {
    yield* longs(view(read(0, OTHER_VERSION_LENGTH)), 0, LONG);
    return;
  }
  const count = Math.min(top.getUint32(header.PARTICIPANT_COUNT_OFFSET, true), MAX_PARTICIPANTS);
  yield* longs(
    view(read(header.HEADER_LENGTH, count * PARTICIPANT_LENGTH)),
    NONCE_OFFSET,
    PARTICIPANT_LENGTH,
  );
}

/** The numbers of 64 bits at an offset and so many bytes apart that are not 0. */
function* longs(bytes: DataView, offset: number, distance: number): Generator<bigint, void> {
  for (let at = offset; at + LONG <= bytes.byteLength; at += distance) {
    const long = bytes.getBigUint64(at, true);
    if (long !== 0n) yield long;
  }
}

/** `read` gives a private copy. */
function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
