import type { ChannelRow, ParticipantRow } from '../../ui/protocol.js';

/** What the rows can be sorted by, each with its key. */
export const SORTS = { rate: 'r', bytes: 'b', lag: 'l', wakeups: 'w', name: 'n' } as const;

/** One of them. */
export type Sort = keyof typeof SORTS;

/** What a user has chosen to see. */
export interface View {
  readonly sort: Sort;
  /** Whether the order is turned round. */
  readonly isReversed: boolean;
  /** A part of the name of a channel, or of one of its participants. */
  readonly filter: string;
  /** Whether participants stand below their channels. */
  readonly participants: boolean;
}

/** A row: a channel, or one of its participants. */
export interface Entry {
  readonly channel: ChannelRow;
  readonly participant: ParticipantRow | undefined;
}

/** The part of the ring that a participant has not taken. */
export function lagOf({ lag }: { readonly lag: number }, { capacity }: ChannelRow): number {
  return capacity > 0 ? Math.min(1, lag / capacity) : 0;
}

/** That of the slowest one. */
export function largestLagOf(channel: ChannelRow): number {
  return Math.max(0, ...channel.participants.map((one) => lagOf(one, channel)));
}

/** The rows of a view, in its order. */
export function entriesOf(channels: readonly ChannelRow[], view: View): Entry[] {
  const wanted = view.filter.toLowerCase();
  const isWanted = ({ name, participants }: ChannelRow) =>
    wanted === '' ||
    name.toLowerCase().includes(wanted) ||
    participants.some((one) => `${one.name} ${one.program} ${one.pid}`.toLowerCase().includes(wanted));
  const direction = view.isReversed ? -1 : 1;
  return channels
    .filter(isWanted)
    .sort((a, b) => direction * compare(a, b, view.sort))
    .flatMap((channel) => [
      { channel, participant: undefined },
      ...(view.participants
        ? participantsOf(channel, view.sort).map((participant) => ({ channel, participant }))
        : []),
    ]);
}

function compare(a: ChannelRow, b: ChannelRow, sort: Sort): number {
  const byName = a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  switch (sort) {
    case 'rate':
      return b.rate - a.rate || byName;
    case 'bytes':
      return b.bytes - a.bytes || byName;
    case 'wakeups':
      return b.wakeUps - a.wakeUps || byName;
    case 'lag':
      return largestLagOf(b) - largestLagOf(a) || byName;
    default:
      return byName;
  }
}

/** Publishers and servers first, then the subscribers that are furthest behind. */
function participantsOf({ participants }: ChannelRow, sort: Sort): readonly ParticipantRow[] {
  const isPublisher = ({ role }: ParticipantRow) => Number(role === 'publisher' || role === 'server');
  return [...participants].sort(
    (a, b) =>
      isPublisher(b) - isPublisher(a) ||
      (sort === 'wakeups' ? b.wakeUps - a.wakeUps : b.lag - a.lag) ||
      a.slot - b.slot,
  );
}
