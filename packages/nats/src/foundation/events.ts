/** What a part of a bridge is: one channel, or one service, on its way to or from one subject. */
export interface Passage {
  readonly direction: 'export' | 'import';
  /** Name of the channel, or of the service. */
  readonly channel: string;
  /** Where messages are published, or come from, without the incarnation at its end. */
  readonly subject: string;
}

/**
 * Why messages did not arrive:
 * - `ring`: they were overwritten before the exporting bridge had read them.
 * - `network`: they were exported, and did not come here.
 * - `refused`: the exporting bridge could not export them; it told why by `refused`.
 * - `behind`: subscribers here were too slow, and core NATS keeps nothing.
 */
export type GapReason = 'ring' | 'network' | 'refused' | 'behind';

/** Messages that did not arrive. */
export interface BridgeGap extends Passage {
  /** The channel where they were published first, 16 hexadecimal digits. */
  readonly incarnation: string;
  /** Numbers of the first and of the last one there. */
  readonly from: number;
  readonly to: number;
  /**
   * How many numbers that are. Where the channel also carries messages of other machines, which have numbers there and are not
   * exported, fewer messages may be missing.
   */
  readonly count: number;
  readonly reason: GapReason;
}

/**
 * Why a message was refused:
 * - `TOO_LARGE`: for the server, the stream, or the channel that it was to be imported to.
 * - `STREAM`: the stream did not take it, and had taken a later one by then.
 * - `SCHEMA`: the channel here has another codec or schema than the one where it was published, or it cannot be decoded by it.
 * - `FOREIGN`: it was published by no bridge, or by one that this one does not understand.
 */
export type RefusalReason = 'TOO_LARGE' | 'STREAM' | 'SCHEMA' | 'FOREIGN';

/** A message that the bridge did not pass on. */
export interface BridgeRefusal extends Passage {
  /** The channel where it was published first, and its number there; '' and 0 where that is not known. */
  readonly incarnation: string;
  readonly sequence: number;
  readonly reason: RefusalReason;
  /** What is wrong, with limit and value. */
  readonly message: string;
}

/** Something that the bridge tries again until it succeeds. */
export interface BridgeTrouble extends Passage {
  readonly error: Error;
}

/** How a bridge ended: its program closed it, or its connection was closed, perhaps by an error. */
export interface BridgeCloseInfo {
  readonly reason: 'local' | 'connection';
  readonly error: Error | undefined;
}

/** Events of a bridge. */
export interface BridgeEvents {
  /** Messages did not arrive. Told where it is found out: by the bridge that imports, and of `ring` also by the one that exports. */
  gap: [gap: BridgeGap];
  /** A message was not passed on, and will not be. */
  refused: [refusal: BridgeRefusal];
  /** Something went wrong that is tried again. Told once for each message text that differs from the one before. */
  trouble: [trouble: BridgeTrouble];
  /** The connection to the server is lost. The client connects again, unless it was told not to. */
  disconnected: [];
  /** It is there again. */
  connected: [];
  /** The bridge has ended. Comes once, last. */
  close: [info: BridgeCloseInfo];
}

/** The name of an event of a bridge. */
export type BridgeEvent = keyof BridgeEvents;

/** What listens to an event of a bridge. */
export type BridgeListener<E extends BridgeEvent> = (...args: BridgeEvents[E]) => void;

const EVENTS: Readonly<Record<BridgeEvent, true>> = {
  gap: true,
  refused: true,
  trouble: true,
  disconnected: true,
  connected: true,
  close: true,
};

/** The names of all events. */
export const bridgeEvents: readonly BridgeEvent[] = Object.keys(EVENTS) as BridgeEvent[];

/** What the parts of a bridge tell it. */
export interface Teller {
  gap(gap: BridgeGap): void;
  refused(refusal: BridgeRefusal): void;
  trouble(trouble: BridgeTrouble): void;
}
