/** What the values of a codec look like, as far as the two sides must agree on it. */
export interface CodecSchema {
  /** The canonical text: equal for equal schemas, made of JSON, well-formed Unicode. */
  readonly text: string;
  /**
   * Compares with the text of another side, of whatever origin.
   *
   * @returns what keeps the two sides from reading each other's values, in words; undefined when nothing does.
   */
  difference(there: string): string | undefined;
}

/**
 * Turns values into bytes and back.
 *
 * A codec never keeps a view of the buffers that it is given, returns one only where it was asked to (`copy: false`
 * of `raw` and of the shape `bytes`), and throws nothing but {@link CodecError}.
 */
export interface Codec<T> {
  /**
   * Names the encoding in the segment header, so that two sides with different codecs do not meet. 1 to 31 characters
   * of printable ASCII.
   */
  readonly id: string;
  /** What the values look like, where the codec knows. */
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
   * Decodes the value that lies in `source` from `start` up to, not including, `end`.
   *
   * @throws {@link CodecError} `UNDECODABLE` when the bytes are not exactly one value of this codec.
   */
  decode(source: Uint8Array, start: number, end: number): T;
}
