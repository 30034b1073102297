import { type Channel, defineChannel } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import type { BridgeJob } from './bridge-job.js';

/** As many bytes as the quote of the other measurements has. */
const LENGTH = 54;
const STAMP_OFFSET = 8;
const CAPACITY: number = 8 * 2 ** 20;

/** The channel of a job. Its messages are bytes: a loop without a bridge could not read those of a schema that it does not know. */
export function channelOf({ name }: BridgeJob): Channel<Uint8Array> {
  return defineChannel<Uint8Array>({ name, capacity: CAPACITY, codec: raw() });
}

/** The same for a process that only looks at messages. */
export function viewedChannelOf({ name }: BridgeJob): Channel<Uint8Array> {
  return defineChannel<Uint8Array>({ name, capacity: CAPACITY, codec: raw({ copy: false }) });
}

/** Nanoseconds of the clock that all processes of the machine have. */
export function nanoseconds(): number {
  return Number(process.hrtime.bigint());
}

/** A message with a number and, where it is one of those at a steady rate, the time when it was sent. */
export function makeMessage(number: number, stamp: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(LENGTH).fill(7);
  bytes.writeUInt32LE(number, 0);
  bytes.writeDoubleLE(stamp, STAMP_OFFSET);
  return bytes;
}

/** The number of a message. */
export function numberOf(bytes: Uint8Array): number {
  if (bytes.length !== LENGTH || bytes[LENGTH - 1] !== 7) throw new Error('a message was changed on its way');
  return ((bytes[0] as number) | ((bytes[1] as number) << 8) | ((bytes[2] as number) << 16)) >>> 0;
}

/** When it was sent; 0 where it does not say. */
export function stampOf(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readDoubleLE(STAMP_OFFSET);
}
