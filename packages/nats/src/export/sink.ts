/** A message on its way to a subject. */
export interface Outgoing {
  /** The full one, with the incarnation. */
  readonly subject: string;
  readonly incarnation: string;
  readonly sequence: number;
  /** What its header says. */
  readonly header: string;
  readonly payload: Uint8Array;
  /** Where it is a piece of a message: where the payload begins in that of the message, and how many bytes that has. */
  readonly piece: { readonly offset: number; readonly total: number } | undefined;
  /** Whether it tells of messages that are missing. */
  readonly isGap: boolean;
}

/** What a sink tells. */
export interface SinkHooks {
  /** There is room again. */
  room(): void;
  /** It was sent, or with JetStream stored. Of a message in pieces told for each of them. */
  sent(message: Outgoing): void;
  /** It will not be sent, or was not stored and comes no more. */
  refused(message: Outgoing, reason: 'TOO_LARGE' | 'STREAM', why: string): void;
  /** What stands in the place of a message that is refused: a gap of that message alone. */
  substitute(message: Outgoing): Outgoing;
  /** Something that is tried again. */
  trouble(error: Error): void;
}

/** Where the messages of one exported channel go. */
export interface Sink {
  /** Most messages that it takes now. */
  readonly room: number;
  /** Takes one. */
  send(message: Outgoing): void;
  /**
   * Number of the last message of an incarnation that is stored under its subject; undefined where there is none, or nothing is
   * stored. Waits for a server that can tell.
   */
  lastOf(subject: string, signal: AbortSignal): Promise<number | undefined>;
  /** Settles when everything was sent, or stored. */
  flush(signal: AbortSignal): Promise<void>;
  close(): void;
}
