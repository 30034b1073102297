import { type Channel, defineChannel } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';

const KiB = 1024;
const MiB = 2 ** 20;

/** A channel of the soak. */
export interface ChannelPlan {
  readonly index: number;
  readonly name: string;
  readonly capacity: number;
  readonly maxParticipants: number;
  /** Bytes of the largest message that is published. */
  readonly maxMessage: number;
  readonly history: number;
  /**
   * Whether the auditor subscribes: it sees everything, so everything can be compared with what it saw. In a channel
   * without it all participants may be dead at a time, and publishers may disconnect who is slow.
   */
  readonly audited: boolean;
}

type Kind = Omit<ChannelPlan, 'index' | 'name'>;

/** The smallest ring there is, with few places; a ring that is smaller than its messages; a history; much room. */
const KINDS: readonly Kind[] = [
  { capacity: 4 * KiB, maxParticipants: 32, maxMessage: 900, history: 0, audited: true },
  { capacity: 64 * KiB, maxParticipants: 64, maxMessage: 200 * KiB, history: 0, audited: true },
  { capacity: 4 * KiB, maxParticipants: 64, maxMessage: 900, history: 0, audited: false },
  { capacity: 64 * KiB, maxParticipants: 64, maxMessage: 1000, history: 20, audited: true },
  { capacity: MiB, maxParticipants: 64, maxMessage: 16 * KiB, history: 0, audited: true },
  { capacity: 16 * KiB, maxParticipants: 32, maxMessage: 3000, history: 0, audited: false },
];

/** The first `count` channels of a soak, under names that begin with `prefix`. */
export function planChannels(prefix: string, count: number): ChannelPlan[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    name: `${prefix}-${index}`,
    ...(KINDS[index % KINDS.length] as Kind),
  }));
}

/** The channel itself. */
export function channelOf({
  name,
  capacity,
  maxParticipants,
  maxMessage,
  history,
}: ChannelPlan): Channel<Uint8Array> {
  return defineChannel({ name, capacity, maxParticipants, maxMessage, history, codec: raw() });
}

/** Bytes of payload that a frame of the channel carries; what is larger is split. */
export function framePayload({ capacity, maxMessage }: ChannelPlan): number {
  return Math.min(capacity / 4 - 24, maxMessage);
}
