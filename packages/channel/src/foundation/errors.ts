/**
 * What went wrong, for programs:
 * - `INVALID_ARGUMENT`: an option is of the wrong type or outside its limits.
 * - `INVALID_NAME`: a channel's name is empty, too long or holds a character that names cannot hold.
 * - `NOT_FOUND`: there is no such channel, and the call was not to create it.
 * - `EXISTS`: there is such a channel already, and the call was to create it.
 * - `NOT_A_CHANNEL`: the memory of that name is not a channel.
 * - `VERSION_MISMATCH`: the channel has another version of the format, or requires features that this program does not know.
 * - `PATTERN_MISMATCH`: the memory of that name is of this format and no channel, but something else.
 * - `CAPACITY_MISMATCH`: the channel has another capacity.
 * - `HISTORY_MISMATCH`, `MAX_MESSAGE_MISMATCH`: the channel has another history, or another limit of messages.
 * - `CODEC_MISMATCH`: the channel has another codec.
 * - `SCHEMA_MISMATCH`: the channel has another schema, or one where this program has none, or none where this program has one.
 * - `TOO_LARGE`: a message or batch is larger than the channel carries, or than one call can publish without waiting.
 * - `BACKLOG`: more bytes wait to be published than `maxWaiting` allows; this message was not published.
 * - `TIMEOUT`: the time that the call was given is over.
 * - `SEQUENCE_AHEAD`: the subscription was to begin after a message that the channel has not published yet.
 * - `OTHER_INCARNATION`: the subscription was to begin after a message of an earlier channel of that name, which has ended.
 * - `UNENCODABLE`: the codec refused a value.
 * - `UNDECODABLE`: the codec refused the bytes of a message; the subscriber goes on with the next one.
 * - `REENTRANT`: a publish from within the encoding of another one.
 * - `TOO_MANY_PARTICIPANTS`: living participants hold all slots of the channel.
 * - `TOO_MANY_CHANNELS`: all entries of the directory are taken; the channel works, and is not listed.
 * - `IN_USE`: messages are taken by listeners, by one iterator or by `poll`, one of them at a time.
 * - `NAMES_REMOVED`: the channel's files were removed while it was open, so that others cannot find or wake this participant.
 * - `CORRUPTED`: the shared memory holds what no participant writes.
 * - `CLOSED`: the publisher or subscriber was closed before.
 */
export type ChannelErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_NAME'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'NOT_A_CHANNEL'
  | 'VERSION_MISMATCH'
  | 'PATTERN_MISMATCH'
  | 'CAPACITY_MISMATCH'
  | 'HISTORY_MISMATCH'
  | 'MAX_MESSAGE_MISMATCH'
  | 'CODEC_MISMATCH'
  | 'SCHEMA_MISMATCH'
  | 'TOO_LARGE'
  | 'BACKLOG'
  | 'TIMEOUT'
  | 'SEQUENCE_AHEAD'
  | 'OTHER_INCARNATION'
  | 'UNENCODABLE'
  | 'UNDECODABLE'
  | 'REENTRANT'
  | 'TOO_MANY_PARTICIPANTS'
  | 'TOO_MANY_CHANNELS'
  | 'IN_USE'
  | 'NAMES_REMOVED'
  | 'CORRUPTED'
  | 'CLOSED';

/** What every copy of this package marks its errors with. */
const BRAND: unique symbol = Symbol.for('mmfbus.ChannelError') as never;

/** Every error that `@mmfbus/channel` throws itself; those of `@mmfbus/core` pass through. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  /** What went wrong, for programs. */
  readonly code: ChannelErrorCode;
  /** The channel it is about. */
  readonly channel: string;

  constructor(code: ChannelErrorCode, channel: string, message: string, options?: { cause?: unknown }) {
    super(`${channel}: ${message}`, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    this.channel = channel;
  }

  /** Also of errors that another copy of this package has made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class that extends this one, only its own.
    const { prototype } = this;
    if (prototype !== ChannelError.prototype)
      return Object.prototype.isPrototypeOf.call(prototype, value as object);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
