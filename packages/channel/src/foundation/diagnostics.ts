import { type Channel, channel } from 'node:diagnostics_channel';

/** What `mmfbus:open` and `mmfbus:close` tell: a participant of this process joined a channel, or left it. */
export interface ParticipantDiagnostics {
  readonly channel: string;
  readonly role: 'publisher' | 'subscriber';
  /** How a subscriber gets messages; undefined for publishers. */
  readonly delivery: 'reliable' | 'lossy' | undefined;
  /** Its slot in the channel. */
  readonly slot: number;
}

/** What `mmfbus:gap` tells: a subscriber of this process lost messages. */
export interface GapDiagnostics extends ParticipantDiagnostics {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** What `mmfbus:slow` tells: a subscriber of this process is far behind. */
export interface SlowDiagnostics extends ParticipantDiagnostics {
  /** Bytes that it has not read yet. */
  readonly lag: number;
  /** Bytes of the ring. */
  readonly capacity: number;
}

/** What `mmfbus:recovered` tells: this process cleaned up after a participant that is proved dead. */
export interface RecoveredDiagnostics {
  readonly channel: string;
  /** What was freed: its slot, or the publisher lock that it held. */
  readonly what: 'slot' | 'lock';
  /** The slot of the dead. */
  readonly slot: number;
}

/**
 * What `mmfbus:names-removed` tells: the names are gone under which a living participant is found. It can be woken no more,
 * and looks for messages, or for room, by itself.
 */
export interface NamesRemovedDiagnostics {
  readonly channel: string;
  /** The slot of the participant. */
  readonly slot: number;
}

/** Channels of `node:diagnostics_channel`, each with what it carries. Nothing is made for them while they have no subscribers. */
export const diagnostics: {
  readonly open: Channel<string, ParticipantDiagnostics>;
  readonly close: Channel<string, ParticipantDiagnostics>;
  readonly gap: Channel<string, GapDiagnostics>;
  readonly slow: Channel<string, SlowDiagnostics>;
  readonly recovered: Channel<string, RecoveredDiagnostics>;
  readonly namesRemoved: Channel<string, NamesRemovedDiagnostics>;
} = {
  open: named('open'),
  close: named('close'),
  gap: named('gap'),
  slow: named('slow'),
  recovered: named('recovered'),
  namesRemoved: named('names-removed'),
};

function named<M>(event: string): Channel<string, M> {
  // Node's types know only channels of anything.
  return channel(`mmfbus:${event}`) as unknown as Channel<string, M>;
}

/** Tells it when all that runs now has come to its end: listeners may do anything with the channel. */
export function tellSoon<M>(to: Channel<string, M>, message: M): void {
  if (to.hasSubscribers) queueMicrotask(() => to.publish(message));
}
