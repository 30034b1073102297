import type { ParticipantCounters } from '../membership/counters.js';

/** What a participant of a channel does there. */
export type ParticipantRole = 'publisher' | 'subscriber';

/** A participant of a channel, as the shared memory describes it. */
export interface ParticipantInfo {
  /** Its slot in the channel. */
  readonly slot: number;
  readonly role: ParticipantRole;
  /** How a subscriber gets messages; undefined for publishers. */
  readonly delivery: 'reliable' | 'lossy' | undefined;
  /** `false` for a reliable subscriber that a publisher gave up, because it was too slow. */
  readonly connected: boolean;
  /** Process id in its own PID namespace; 0 while it is not known. */
  readonly pid: number;
  /** The name it gave itself, or ''. Control characters are shown as escapes. */
  readonly name: string;
  /** `false` is proven; `unknown` means that nothing can be found out, as across PID namespaces. */
  readonly alive: boolean | 'unknown';
  /** When it joined, milliseconds since 1970. */
  readonly joinedAt: number;
  /** Bytes of the ring that a subscriber has not taken yet; undefined for publishers. */
  readonly lag: number | undefined;
  readonly counters: ParticipantCounters;
}

/** A channel, as its shared memory describes it. */
export interface ChannelInfo {
  readonly name: string;
  /** Name of the service whose registry this is: its publishers are the servers, its subscribers the clients. Undefined for channels. */
  readonly service: string | undefined;
  /** Of this life of the channel: 16 hexadecimal digits, as in a `Position`. */
  readonly incarnation: string;
  /** Bytes of its shared memory. */
  readonly size: number;
  /** Bytes of the ring. */
  readonly capacity: number;
  /** Id of the codec. Control characters are shown as escapes. */
  readonly codec: string;
  /** The canonical text of its schema, as other programs wrote it; undefined where it has none. */
  readonly schema: string | undefined;
  /** How many of the last messages late joiners are promised; 0 for none. */
  readonly history: number;
  /** Most bytes of one message. */
  readonly maxMessage: number;
  /** When the channel was created, milliseconds since 1970. */
  readonly createdAt: number;
  /** Messages published since then; the number of the last one. */
  readonly published: number;
  /** Most participants there can be. */
  readonly maxParticipants: number;
  readonly participants: readonly ParticipantInfo[];
}

/** What `Bus.watch` reports. */
export type BusChange =
  // The registry of a service has the name `<service>~service`, which no channel has.
  /** The channel got its first participant, or lost its last one. */
  | { readonly type: 'opened' | 'closed'; readonly channel: string }
  | { readonly type: 'joined'; readonly channel: string; readonly participant: ParticipantInfo }
  /** A participant is gone. It is described as it was seen last, but `alive` is of now. */
  | {
      readonly type: 'left';
      readonly channel: string;
      readonly participant: ParticipantInfo;
      /**
       * `left`: it was closed, or its process ended in good order. `died`: its thread or process was killed or crashed, which is proven.
       * `unknown`: what it left behind was overwritten before the watch looked. A process that is killed right after it closed the last
       * participant of a channel may count as `died`.
       */
      readonly reason: 'left' | 'died' | 'unknown';
    };

/** How a participant ended. */
export type End = Extract<BusChange, { readonly type: 'left' }>['reason'];
