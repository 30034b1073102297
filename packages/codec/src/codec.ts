/** What a codec says of the values that it takes. */
export interface CodecSchema {
  /** The same for the same schema, wherever it was made. */
  readonly text: string;
  /**
   * Compares it with the text of another schema, which anybody may have written.
   *
   * @returns what a person has to know of the difference; undefined where both sides understand each other.
   */
  difference(there: string): string | undefined;
}

/**
 * Turns values into bytes and back.
 *
 * A codec never keeps or returns a view of the buffers that it is given, and throws nothing but {@link CodecError}.
 */
export interface Codec<T> {
  /**
   * Names the encoding in the segment header, so that two sides with different codecs do not meet. 1 to 31 characters
   * of printable ASCII.
   */
  readonly id: string;
  /** Describes what the values look like, for channels to compare; none where anything goes. */
  readonly schema?: CodecSchema | undefined;
  /**
   * Encodes `value` into `target` from `offset` on.
   *
   * @returns the offset after the last byte written; at most `target.length`.
   * @throws {@link CodecError} `UNENCODABLE` when the value has no encoding; `NO_ROOM`, with `needed` in bytes, when
   * it does not fit between `offset` and the end of `target`. What was written there meanwhile is undefined.
   */
  encode(value: T, target: Uint8Array, offset: number): number;
  /**
   * Encodes `value` where everybody can see it, with a lock held: fast, running nobody's code but getters of the value, and
   * never again what it has read once. Only for codecs that can promise that.
   *
   * @returns the offset after the last byte written, at most `limit`; -1 when the value does not fit or has no encoding,
   * and then {@link Codec.encode} says which.
   */
  encodeInPlace?(value: T, target: Uint8Array, offset: number, limit: number): number;
  /**
   * Decodes the value that lies in `source` from `start` up to, not including, `end`.
   *
   * @throws {@link CodecError} `UNDECODABLE` when the bytes are not exactly one value of this codec.
   */
  decode(source: Uint8Array, start: number, end: number): T;
}
