import { type Codec, msgpack } from '@mmfbus/codec';
import { type ValidNamespace, ValidNamespaces } from '@mmfbus/core';
import { ChannelError } from './errors.js';
import { CODEC_LENGTH } from './layout/header-layout.js';
import { MAX_PARTICIPANTS } from './layout/participant-layout.js';

/** 1024 bytes. */
export const KiB = 1024;
/** 1,048,576 bytes. */
export const MiB: number = 1024 * KiB;

const DEFAULT_CAPACITY: number = 8 * MiB;
const MIN_CAPACITY: number = 4 * KiB;
const MAX_CAPACITY: number = 1024 * MiB;
const DEFAULT_PARTICIPANTS = 64;
const MAX_NAME_LENGTH = 128;

/** What {@link defineChannel} takes. */
export interface ChannelOptions<T> {
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ -`. */
  readonly name: string;
  /**
   * Bytes of the ring: a power of two from 4 KiB to 1 GiB. One frame takes at most a quarter of it. Defaults to 8 MiB
   * when this call creates the channel, and to whatever it has when it exists.
   */
  readonly capacity?: number | undefined;
  /** Turns values into bytes and back; the same on all sides. Defaults to `msgpack()`. */
  readonly codec?: Codec<T> | undefined;
  /** Where the name lives. Defaults to `ValidNamespaces.LOCAL`. */
  readonly namespace?: ValidNamespace | undefined;
  /** Publishers and subscribers that the channel has room for when this call creates it, 2 to 1024. Defaults to 64. */
  readonly maxParticipants?: number | undefined;
  /** POSIX permission bits when this call creates it. Defaults to 0o600. */
  readonly mode?: number | undefined;
}

/** {@link ChannelOptions}, checked and complete. */
export interface ChannelDefinition<T> {
  readonly name: string;
  readonly capacity: number;
  /** Whether `capacity` was asked for, and so must match. */
  readonly capacityGiven: boolean;
  readonly codec: Codec<T>;
  readonly namespace: ValidNamespace;
  readonly maxParticipants: number;
  readonly mode: number | undefined;
}

/** Checks the options and fills in the defaults. */
export function checkDefinition<T>(options: ChannelOptions<T>): ChannelDefinition<T> {
  const { name, capacity, codec = msgpack<T>(), maxParticipants = DEFAULT_PARTICIPANTS } = options;
  checkName(name);
  checkWhole(name, 'capacity', capacity ?? DEFAULT_CAPACITY, MIN_CAPACITY, MAX_CAPACITY);
  if (!Number.isInteger(Math.log2(capacity ?? DEFAULT_CAPACITY))) {
    throw new ChannelError('INVALID_ARGUMENT', name, `capacity must be a power of two, not ${capacity}`);
  }
  checkWhole(name, 'maxParticipants', maxParticipants, 2, MAX_PARTICIPANTS);
  if (!/^[\x20-\x7e]+$/.test(codec.id) || codec.id.length >= CODEC_LENGTH) {
    throw new ChannelError(
      'INVALID_ARGUMENT',
      name,
      `a codec's id has 1 to ${CODEC_LENGTH - 1} printable ASCII characters, not ${JSON.stringify(codec.id)}`,
    );
  }
  return {
    name,
    capacity: capacity ?? DEFAULT_CAPACITY,
    capacityGiven: capacity !== undefined,
    codec,
    namespace: options.namespace ?? ValidNamespaces.LOCAL,
    maxParticipants,
    mode: options.mode,
  };
}

/** Whether a channel can have that name. */
export function isChannelName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^[A-Za-z0-9._-]+$/.test(name);
}

/** Refuses what is no name of a channel. */
export function checkName(name: unknown): asserts name is string {
  const problem =
    typeof name !== 'string'
      ? `is a string, not ${typeof name}`
      : name === ''
        ? 'must not be empty'
        : name.length > MAX_NAME_LENGTH
          ? `has at most ${MAX_NAME_LENGTH} characters, not ${name.length}`
          : isChannelName(name)
            ? undefined
            : `holds only A-Z a-z 0-9 . _ and -, unlike ${JSON.stringify(name)}`;
  if (problem !== undefined) {
    throw new ChannelError(
      'INVALID_NAME',
      JSON.stringify(name) ?? 'undefined',
      `a channel's name ${problem}`,
    );
  }
}

/** Refuses what is no whole number within the limits. */
export function checkWhole(channel: string, what: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new ChannelError(
      'INVALID_ARGUMENT',
      channel,
      `${what} must be a whole number from ${least} to ${most}, not ${String(value)}`,
    );
  }
}
