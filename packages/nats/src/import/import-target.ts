import {
  type Append,
  type ChannelDefinition,
  definePattern,
  joinSegment,
  leaveSoon,
  ORIGIN_LENGTH,
  type Origin,
  OriginAppend,
  type OriginBatch,
  PATTERN_CHANNEL,
  type Participant,
  RingReader,
  readEncoding,
  Sender,
  SplitAppend,
  STATE_PUBLISHER,
} from '@mmfbus/channel/internal';
import { type Codec, codecOfText } from '@mmfbus/codec';
import { allocateWordBytes } from '@mmfbus/codec/internal';
import { type Encoding, encodingTag } from '../wire/encoding.js';
import { JsonConverter } from '../wire/json-converter.js';

/** A fragment takes this part of the ring, as of any publisher. */
const FRAGMENT_PART = 8;
/** Bytes of frames that are published with one commit, and the part of the ring that they take, at most. */
const MOST_OF_BATCH = 32 * 1024;
const BATCH_PART = 8;
const UNUSED_CAPACITY = 4096;

/** A channel to which messages of other machines are published. */
export class ImportTarget {
  readonly encoding: Encoding;
  readonly tag: string;
  /** Of this life of the channel. */
  readonly incarnation: string;
  readonly #participant: Participant;
  readonly #sender: Sender<unknown>;
  #codec: Codec<unknown> | undefined;
  #converter: JsonConverter | undefined;

  /** With the publisher lock held. */
  private constructor(definition: ChannelDefinition<unknown>, participant: Participant) {
    const { memory } = participant;
    this.encoding = readEncoding(memory);
    this.tag = encodingTag(this.encoding);
    this.incarnation = memory.incarnation;
    this.#participant = participant;
    participant.activate(STATE_PUBLISHER);
    this.#sender = new Sender(definition, participant, {
      disconnects: false,
      timestamps: true,
      maxWaiting: Number.POSITIVE_INFINITY,
    });
    participant.ending.add(() => leaveSoon(participant));
  }

  /**
   * Joins a channel as a publisher.
   *
   * @param definition of the channel, where it may be created; undefined to join what there is.
   * @throws what joining a channel throws.
   */
  static open(
    channel: string,
    scope: 'user' | 'machine',
    name: string,
    definition: ChannelDefinition<unknown> | undefined,
    signal: AbortSignal,
  ): Promise<ImportTarget> {
    const open = definition === undefined ? 'open' : 'open-or-create';
    const joined = definition ?? anyChannel(channel, scope);
    return joinSegment(
      joined,
      { open, name, isListed: joined.discoverable, signal },
      (participant) => new ImportTarget(joined, participant),
    );
  }

  /** What is still in the ring of messages that were imported before: told for each, in order. */
  forEachOrigin(tell: (origin: Origin) => void): void {
    const reader = new RingReader(this.#participant.memory, 0);
    if (reader.seekOldest() === 'corrupted') return;
    for (;;) {
      const outcome = reader.read();
      if (outcome === 'empty' || outcome === 'corrupted') return;
      if (outcome === 'lapped') reader.expected = reader.sequence;
      else if (outcome !== 'part' && reader.origin !== undefined) tell(reader.origin);
    }
  }

  /** Why it cannot hold a message of that encoding; undefined where it can, as it is. */
  refusalOf(tag: string): string | undefined {
    if (tag === this.tag) return undefined;
    // Whatever has that codec may stand in a channel without a schema.
    if (this.encoding.schema === undefined && tag.startsWith(`${this.tag}:`)) return undefined;
    return `its encoding is ${tag}, that of the channel here ${this.tag}`;
  }

  /** What JSON is as a message of the channel; a text where it is none. */
  fromJson(payload: Uint8Array): Uint8Array | string {
    this.#converter ??= new JsonConverter(this.encoding);
    return this.#converter.fromJson(payload);
  }

  /** Why the bytes are no value of the channel; undefined where they are. */
  decodingProblem(payload: Uint8Array): string | undefined {
    try {
      this.#codec ??= codecOfText(this.encoding.codec, this.encoding.schema);
      this.#codec.decode(payload, 0, payload.length);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Why it is too long; undefined where it is not. */
  lengthProblem(length: number): string | undefined {
    const { maxMessage } = this.#participant.memory.geometry;
    return length <= maxMessage
      ? undefined
      : `it has ${length} bytes, the channel here carries at most ${maxMessage}`;
  }

  /**
   * Publishes a message.
   *
   * @returns undefined where it was done at once; else what settles as soon as there is room for it.
   * @throws `ChannelError` `CORRUPTED` or `CLOSED`, or the signal's reason, also of what it returns.
   */
  publish(origin: Origin, payload: Uint8Array, signal: AbortSignal): Promise<void> | undefined {
    const append = this.#appendOf(origin, payload);
    if (this.#sender.tryAppend(append) === 'published') return undefined;
    return this.#wait(append, payload.length, signal);
  }

  /** Bytes that a batch for this channel takes at most: it is in the ring at once, and with the publisher lock held. */
  get mostOfBatch(): number {
    return Math.min(MOST_OF_BATCH, this.#participant.memory.geometry.ringCapacity / BATCH_PART);
  }

  /** As {@link ImportTarget.publish}, a batch of messages that are short enough. Where it has to wait, the batch must not be used again. */
  publishTogether(batch: OriginBatch, signal: AbortSignal): Promise<void> | undefined {
    if (this.#sender.tryAppend(batch) === 'published') return undefined;
    return this.#wait(batch, batch.bytes, signal);
  }

  async #wait(append: Append, bytes: number, signal: AbortSignal): Promise<void> {
    await this.#sender.append(append, bytes, { signal });
  }

  #appendOf(origin: Origin, payload: Uint8Array): Append {
    const { generation, memory } = this.#participant;
    const { maxPayload, ringCapacity } = memory.geometry;
    if (ORIGIN_LENGTH + payload.length <= maxPayload) return new OriginAppend(origin, payload);
    const bytes = allocateWordBytes(payload.length);
    bytes.set(payload);
    const frame = Math.min(maxPayload, ringCapacity / FRAGMENT_PART);
    return new SplitAppend(bytes, payload.length, generation, frame, origin);
  }

  /** Leaves the channel. What waits for room is not published. */
  async close(): Promise<void> {
    this.#sender.close();
    leaveSoon(this.#participant);
    await this.#participant.memory.closed;
  }
}

/** A channel with whatever codec and schema it has. */
function anyChannel(name: string, scope: 'user' | 'machine'): ChannelDefinition<unknown> {
  return definePattern({
    name,
    pattern: PATTERN_CHANNEL,
    codec: none,
    capacity: UNUSED_CAPACITY,
    maxParticipants: 2,
    scope,
    takesAny: true,
  });
}

/** Encodes nothing: messages are bytes already. */
const none: Codec<unknown> = {
  id: 'none',
  encode() {
    throw new Error('messages are bytes already');
  },
  decode() {
    throw new Error('nothing is read');
  },
};
