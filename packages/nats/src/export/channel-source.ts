import type { ChannelError, Message } from '@mmfbus/channel';
import {
  definePattern,
  joinSegment,
  type Origin,
  PATTERN_CHANNEL,
  type Participant,
  Pump,
  Receiver,
  readEncoding,
} from '@mmfbus/channel/internal';
import { type Codec, raw } from '@mmfbus/codec';
import { type Encoding, encodingTag } from '../wire/encoding.js';

/** Messages that are taken in one turn of the event loop. */
const MESSAGES_A_TURN = 256;
/** As a subscriber that reads all the time has it: see `SubscriberOptions.slowThreshold`. */
const NEVER_SLOW = 1;
/** Milliseconds for which an idle bridge looks for messages before it sleeps: what goes to the network is not in such a hurry. */
const POLL_WINDOW = 0;
/** A channel that exists has a capacity. */
const UNUSED_CAPACITY = 4096;

/** A message as it stands in the ring. */
export interface Frame {
  readonly sequence: number;
  /** Nanoseconds of the monotonic clock; 0 where its publisher does not say. */
  readonly timestamp: number;
  /** Where it comes from, if another channel carried it before. */
  readonly origin: Origin | undefined;
  /** A copy. */
  readonly payload: Uint8Array;
}

/** How a channel is read. */
export interface SourceOptions {
  readonly channel: string;
  readonly scope: 'user' | 'machine';
  /** Name of the participant, for people. */
  readonly name: string;
  readonly delivery: 'reliable' | 'lossy';
  readonly start: 'earliest' | 'latest';
}

/** What a source tells. */
export interface SourceHooks {
  /** Most messages that are wanted now. */
  room(): number;
  /** Takes one; returns whether to go on. */
  message(frame: Frame): boolean;
  /** Messages were overwritten before they were read. */
  gap(from: number, to: number): void;
  /** The channel has no publisher, and everything was taken. May be told several times. */
  publishersGone(): void;
  error(error: Error): void;
  /** The subscription cannot go on. */
  ended(reason: string): void;
}

/** A channel as a bridge reads it: the bytes of its messages, whatever they are. */
export class ChannelSource {
  /** Of this life of the channel. */
  readonly incarnation: string;
  readonly encoding: Encoding;
  readonly tag: string;
  readonly #participant: Participant;
  readonly #receiver: Receiver<Uint8Array>;
  readonly #pump: Pump;
  readonly #hooks: SourceHooks;
  #open = true;

  /** With the publisher lock held. */
  private constructor(
    { channel, delivery, start }: SourceOptions,
    participant: Participant,
    hooks: SourceHooks,
  ) {
    const { memory } = participant;
    this.incarnation = memory.incarnation;
    this.encoding = readEncoding(memory);
    this.tag = encodingTag(this.encoding);
    this.#participant = participant;
    this.#hooks = hooks;
    this.#receiver = new Receiver(
      anyChannel(channel, memory.access === undefined ? 'user' : 'machine'),
      participant,
      { delivery, start, slowThreshold: NEVER_SLOW },
      {
        gap: ({ from, to }) => hooks.gap(from, to),
        joined: () => {},
        slow: () => {},
        error: (error: ChannelError) => hooks.error(error),
        end: (reason) => hooks.ended(reason),
      },
    );
    this.#pump = new Pump(participant, this.#receiver, POLL_WINDOW, () => this.#turn());
    participant.namesRemoved.add((error) => hooks.error(error));
  }

  /**
   * Joins a channel that exists.
   *
   * @throws what joining a channel throws.
   */
  static open(options: SourceOptions, hooks: SourceHooks, signal: AbortSignal): Promise<ChannelSource> {
    const { channel, scope, name } = options;
    return joinSegment(
      anyChannel(channel, scope) as never,
      { open: 'open', name, isListed: true, signal },
      (participant) => new ChannelSource(options, participant, hooks),
    );
  }

  /** Number up to which everything was taken, or left out. */
  get sequence(): number {
    return this.#receiver.sequence;
  }

  /** Bytes of the ring that were published and not taken yet. */
  get lag(): number {
    return this.#open ? this.#receiver.committed() - this.#receiver.handled : 0;
  }

  /** Takes messages from now on, or again: after there was no room. */
  schedule(): void {
    if (this.#open) this.#pump.schedule();
  }

  /** Leaves the channel. */
  async close(): Promise<void> {
    if (this.#open) {
      this.#open = false;
      this.#pump.stop();
      this.#receiver.leave();
    }
    await this.#participant.memory.closed;
  }

  #turn(): number | undefined {
    const room = Math.min(this.#hooks.room(), MESSAGES_A_TURN);
    if (room <= 0) return undefined;
    const isOver = !this.#participant.roles.hasPublisher();
    let isWanted = true;
    const taken = this.#receiver.take((message) => {
      isWanted = this.#deliver(message);
      return isWanted;
    }, room);
    if (!this.#open || !isWanted) return undefined;
    this.#receiver.ignoreLeft();
    // None was there before it looked, and nothing was there to take.
    if (isOver && taken === 0) this.#hooks.publishersGone();
    return taken;
  }

  #deliver({ value, sequence, timestamp }: Message<Uint8Array>): boolean {
    return this.#hooks.message({ sequence, timestamp, origin: this.#receiver.origin, payload: value });
  }
}

/** A channel with whatever codec and schema it has. */
function anyChannel(name: string, scope: 'user' | 'machine') {
  return definePattern<Uint8Array>({
    name,
    pattern: PATTERN_CHANNEL,
    codec: copies as Codec<unknown>,
    capacity: UNUSED_CAPACITY,
    maxParticipants: 2,
    scope,
    takesAny: true,
  });
}

/** Gives each message as its bytes. */
const copies: Codec<Uint8Array> = {
  id: 'copies',
  encode() {
    throw new Error('it is for reading only');
  },
  decode: raw().decode,
};
