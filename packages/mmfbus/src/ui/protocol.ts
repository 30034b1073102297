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
  readonly role: 'publisher' | 'reliable' | 'lossy' | 'disconnected' | 'server' | 'client';
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
  /** Whether it is a service: then `published` and `rate` count the calls that have ended, and there are no bytes. */
  readonly isService: boolean;
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
  /** Name of the channel, or of the service. */
  readonly channel: string;
  readonly isService: boolean;
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

/** A server of a service. Times are nanoseconds; null where no call has ended. */
export interface ServerRow {
  /** Id of its inbox, which no other server ever has. */
  readonly inbox: string;
  readonly pid: number;
  readonly name: string;
  /** The program that its process runs, or '' where that is not known. */
  readonly program: string;
  readonly alive: ParticipantInfo['alive'];
  /** Milliseconds since 1970. */
  readonly joinedAt: number;
  readonly phase: 'serving' | 'draining';
  /** Messages that it was sent and is not done with. */
  readonly outstanding: number;
  /** Calls that run now. */
  readonly running: number;
  /** Calls that end a second. */
  readonly rate: number;
  readonly served: number;
  /** Of these, those that an error has ended. */
  readonly failed: number;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  /** What keeps its inbox or its contract from being read; '' where nothing does. */
  readonly problem: string;
}

/** A client of a service. */
export interface ClientRow {
  readonly pid: number;
  readonly name: string;
  readonly program: string;
  readonly alive: ParticipantInfo['alive'];
  /** Milliseconds since 1970. */
  readonly joinedAt: number;
  /** How many of the servers it can call. */
  readonly servers: number;
}

/** A service, as the overview needs it: the sums over its servers. */
export interface ServiceRow {
  readonly name: string;
  /** How many methods all servers have together. */
  readonly methodCount: number;
  /** Calls that end a second. */
  readonly rate: number;
  /** Of these, those that an error ends. */
  readonly errorRate: number;
  readonly outstanding: number;
  readonly running: number;
  readonly served: number;
  readonly failed: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly servers: readonly ServerRow[];
  readonly clients: readonly ClientRow[];
  /** What keeps the service from being looked at; '' where nothing does. */
  readonly problem: string;
}

/** A method, with the sums over all servers. Times are nanoseconds; null where no call has ended. */
export interface MethodRow {
  readonly name: string;
  /** What it takes and gives, in short; '' where no contract says. */
  readonly signature: string;
  /** Codes of the errors that it declares. */
  readonly errors: readonly string[];
  readonly rate: number;
  readonly running: number;
  readonly served: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly longest: number | null;
}

/** A call that runs, or one of the last ones. */
export interface CallRow {
  /** Differs for each call. */
  readonly key: string;
  readonly method: string;
  /** Name of the server, and its process. */
  readonly server: string;
  readonly pid: number;
  /** Process id of the caller. */
  readonly caller: number;
  /** The program that it runs, or '' where that is not known. */
  readonly program: string;
  /** When its handler was started, milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds that it took, or has taken so far. */
  readonly duration: number;
  readonly outcome: 'running' | 'answered' | 'failed' | 'cancelled';
}

/** Event `service`: how a service stands, twice a second. */
export interface ServiceEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Undefined where there is no such service now. */
  readonly row: ServiceRow | undefined;
  readonly methods: readonly MethodRow[];
  /** The calls that run, then the last ones: the newest first. */
  readonly calls: readonly CallRow[];
  /** Calls that run and are not among them. */
  readonly omitted: number;
  /** Nanoseconds that the calls took which have ended since the last event; null where none has. */
  readonly recent: { readonly p50: number | null; readonly p99: number | null };
}

/** Event `contract`: what a service can be asked. Sent whenever it differs. */
export interface ContractEvent {
  /** As code of TypeScript, or a sentence where there is none. */
  readonly code: string;
  readonly methods: readonly MethodForm[];
}

/** What a form for a call is made of. */
export interface MethodForm {
  readonly name: string;
  readonly input: 'none' | 'value' | 'stream';
  /** Of the input, or of each of its items; undefined without an input, and where no shape says. */
  readonly node: ShapeNode | undefined;
  readonly output: 'none' | 'value' | 'stream';
  readonly isOneWay: boolean;
}

/** Body of `POST /api/call`. */
export interface CallRequest {
  readonly service: string;
  readonly method: string;
  /** JSON, as `mmfbus call` takes it; a list where the input is a stream. */
  readonly input: unknown;
}

/** Answer to `POST /api/call`. */
export interface CallAnswer {
  /** What became of it, in a sentence. */
  readonly text: string;
  /** Milliseconds that it took. */
  readonly duration: number;
  /** The answer, or the data of the error. */
  readonly values: readonly Shown[];
  readonly isError: boolean;
}

/** A bridge to other machines that `mmfbus bridge` runs. */
export interface BridgeRow {
  readonly kind: 'bridge';
  readonly pid: number;
  readonly name: string;
  /** Host and port of the server. */
  readonly server: string;
  readonly connected: boolean;
  /** How often the connection was lost. */
  readonly lost: number;
  /** Messages that it carries a second, and calls. */
  readonly rate: number;
  /** That of the passage which is furthest behind: bytes of a ring for exports, messages for imports, calls for services. */
  readonly lag: number;
  readonly gaps: number;
  readonly missed: number;
  readonly refused: number;
  readonly passages: readonly {
    readonly direction: string;
    readonly kind: string;
    readonly channel: string;
    readonly subject: string;
    readonly messages: number;
    readonly bytes: number;
    readonly gaps: number;
    readonly missed: number;
    readonly refused: number;
    readonly lag: number;
  }[];
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
  /** All services there are; undefined where none differs. */
  readonly services: readonly ServiceRow[] | undefined;
  /** All bridges there are; undefined where none differs. */
  readonly bridges: readonly BridgeRow[] | undefined;
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
