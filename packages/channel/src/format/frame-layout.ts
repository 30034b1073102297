import { field, type Layout, layout } from './layout.js';

/** Values of `kind`. */
export const KIND_MESSAGE = 1;
export const KIND_PADDING = 2;
export const KIND_TERMINATOR = 3;
export const KIND_FRAGMENT = 4;
export const KIND_LAST_FRAGMENT = 5;

/** Bit of `flags`. */
const FLAG_EXTENSION = 1;

const frame = layout('Header of a frame', [
  field('length', 'u32', 'bytes of payload; of padding: bytes behind this header up to the end of the ring'),
  field('kind', 'u8', '', {
    KIND_MESSAGE: [KIND_MESSAGE, 'message'],
    KIND_PADDING: [KIND_PADDING, 'padding'],
    KIND_TERMINATOR: [KIND_TERMINATOR, 'terminator'],
    KIND_FRAGMENT: [KIND_FRAGMENT, 'fragment'],
    KIND_LAST_FRAGMENT: [KIND_LAST_FRAGMENT, 'last fragment'],
  }),
  field('flags', 'u8', 'bits, all others zero', {
    FLAG_EXTENSION: [FLAG_EXTENSION, 'a header extension precedes the payload'],
  }),
  field('publisher', 'u16', 'slot of the publisher'),
  field(
    'sequence',
    'u64',
    'sequence number of the message that it completes; of any other kind: of the next message',
  ),
  field('timestamp', 'u64', 'when it was published, nanoseconds of the monotonic clock; 0 when not said'),
]);

/** What stands before the payload of each frame. */
export const frameLayout: Layout = frame;

/** Bytes of a frame's header. */
export const FRAME_HEADER_LENGTH: number = frame.length;
/**
 * Frames begin at multiples of this many bytes. Larger than the header, so that a header never wraps and there is
 * always room for one before the end of the ring; a divisor of the cache line, so that it never straddles two.
 */
export const FRAME_ALIGNMENT = 32;

export const LENGTH_OFFSET: number = frame.offsetOf('length');
/** `kind`, `flags` and `publisher` are written as one word. */
export const KIND_OFFSET: number = frame.offsetOf('kind');
export const SEQUENCE_OFFSET: number = frame.offsetOf('sequence');
export const TIMESTAMP_OFFSET: number = frame.offsetOf('timestamp');

/** What {@link FLAG_EXTENSION} is in the word that `kind` begins. */
export const EXTENSION_BIT: number = FLAG_EXTENSION << 8;
/** Bytes that the length of an extension counts in. */
export const EXTENSION_UNIT = 8;

/** Whether a frame may begin at that whole number. By a mask, as the remainder of a double is slow. */
export function isAligned(position: number): boolean {
  return (position & (FRAME_ALIGNMENT - 1)) === 0;
}

/** Bytes that a frame takes in the ring. */
export function frameLength(payloadLength: number): number {
  return (FRAME_HEADER_LENGTH + payloadLength + FRAME_ALIGNMENT - 1) & -FRAME_ALIGNMENT;
}
