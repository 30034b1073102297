/*
 * What the server of the live page and the page say to each other: types for both, and nothing that runs.
 */
import type { ParticipantInfo } from '@mmfbus/channel';
import type { ShapeNode } from '@mmfbus/codec';

/** What the server is. The first event of every stream, and the answer to `GET /api/hello`. */
export interface Hello {
  /** Differs from one server to the next, also on the same port. */
  readonly server: string;
  readonly version: string;
  readonly pid: number;
  readonly scope: 'user' | 'machine';
  /** Whether the page may publish. */
  readonly write: boolean;
}

/** A participant, as the overview needs it. */
export interface ParticipantRow {
  readonly slot: number;
  readonly role: 'publisher' | 'reliable' | 'lossy' | 'disconnected';
  readonly pid: number;
  readonly name: string;
  /** The program that its process runs, or '' where that is not known. */
  readonly program: string;
  readonly alive: ParticipantInfo['alive'];
  /** Messages a second. */
  readonly rate: number;
  /** Bells that it rings a second to wake others. */
  readonly wakeUps: number;
  /** Bytes of the ring not taken yet; 0 for publishers. */
  readonly lag: number;
  /** Whether publishers have to wait for it. */
  readonly holds: boolean;
}

/** A channel, as the overview needs it. */
export interface ChannelRow {
  readonly name: string;
  readonly codec: string;
  /** Bytes of the ring. */
  readonly capacity: number;
  /** Messages published since it was created. */
  readonly published: number;
  /** Messages a second. */
  readonly rate: number;
  /** Bytes of payload a second. */
  readonly bytes: number;
  /** Wake-ups a second, of all participants. */
  readonly wakeUps: number;
  readonly participants: readonly ParticipantRow[];
}

/** A participant that is gone. */
export interface Departure {
  readonly channel: string;
  readonly role: 'publisher' | 'subscriber';
  readonly pid: number;
  readonly name: string;
  readonly program: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `left` in good order; `died`, with the proof; `unknown` where neither is known. */
  readonly reason: 'left' | 'died' | 'unknown';
  /** What proves that it died; undefined where it did not, or that is not known. */
  readonly proof: string | undefined;
}

/** Event `overview`: what differs from the last one. */
export interface OverviewEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds until the next look, which is longer where there is much to look at. */
  readonly period: number;
  /** Whether `channels` are all there are. */
  readonly all: boolean;
  readonly channels: readonly ChannelRow[];
  readonly gone: readonly string[];
  readonly departures: readonly Departure[];
}

/** Event `channel`: how it stands, twice a second. */
export interface ChannelEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Undefined where there is no such channel now. */
  readonly row: ChannelRow | undefined;
  readonly details: ChannelDetails | undefined;
}

/** What of a channel seldom matters to the overview. */
export interface ChannelDetails {
  readonly history: number;
  readonly maxMessage: number;
  readonly maxParticipants: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly counters: readonly ParticipantCounts[];
}

/** What a participant did since it joined. */
export interface ParticipantCounts {
  readonly slot: number;
  /** Milliseconds since 1970. */
  readonly joinedAt: number;
  readonly messages: number;
  readonly bytes: number;
  readonly full: number;
  readonly missed: number;
  readonly wakeUps: number;
  readonly busy: number;
}

/** Event `schema`: what flows in the channel. Sent once for each life of it. */
export interface SchemaEvent {
  /** As code of TypeScript, or a sentence where there is none. */
  readonly code: string;
  /** For a form; undefined where it has no schema. */
  readonly node: ShapeNode | undefined;
}

/** A value, or a part of it, cut to what a page can show. Text is as it was published: the page makes it harmless. */
export type Shown =
  | null
  | boolean
  | number
  | string
  /** Text of so many characters, of which only the first are here. */
  | { readonly kind: 'text'; readonly text: string; readonly length: number }
  /** What JSON has no literal for: a bigint, a time, NaN. */
  | { readonly kind: 'bigint' | 'timestamp' | 'number'; readonly text: string }
  /** Bytes in hexadecimal. */
  | { readonly kind: 'bytes'; readonly text: string; readonly length: number }
  | { readonly kind: 'array'; readonly items: readonly Shown[]; readonly length: number }
  | {
      readonly kind: 'object' | 'map';
      readonly entries: readonly (readonly [key: string, value: Shown])[];
      readonly length: number;
    }
  /** What there was no room for. */
  | { readonly kind: 'cut' };

/** A message of the tail. */
export interface TailMessage {
  readonly sequence: number;
  /** Milliseconds since 1970; 0 where its publisher does not say. */
  readonly time: number;
  /** Slot of its publisher. */
  readonly publisher: number;
  readonly value: Shown;
}

/** What the page does not have, by number. */
export interface TailGap {
  readonly kind: 'gap' | 'omitted' | 'undecodable' | 'corrupted' | 'ended' | 'reborn';
  /** First and last number; 0 where numbers mean nothing. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Event `tail`: what was published since the last one. */
export interface TailEvent {
  readonly at: number;
  readonly messages: readonly TailMessage[];
  readonly gaps: readonly TailGap[];
  /** Messages that were seen, and left out because the page is not told of more. */
  readonly left: number;
  /** Messages that did not match the filter. */
  readonly unmatched: number;
}

/** Event `trouble`: what keeps the channel from being read, or the bus from being looked at. */
export interface TroubleEvent {
  readonly text: string;
}

/** Body of `POST /api/publish`. */
export interface PublishRequest {
  readonly channel: string;
  /** JSON, as `mmfbus pub` takes it: bigints as text, bytes as base64, times in ISO 8601. */
  readonly value: unknown;
}
