/**
 * What went wrong, for programs:
 * - `UNENCODABLE`: the value, or something in it, has no encoding.
 * - `UNDECODABLE`: the bytes are not exactly one valid value.
 * - `NO_ROOM`: the encoded value does not fit into the buffer; `needed` says how many bytes it takes.
 * - `INVALID_SHAPE`: a shape, a JSON Schema or an option of a codec cannot be used. Only what makes them throws it.
 */
export type CodecErrorCode = 'UNENCODABLE' | 'UNDECODABLE' | 'NO_ROOM' | 'INVALID_SHAPE';

/** Every error that `@mmfbus/codec` throws. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  /** What went wrong, for programs. */
  readonly code: CodecErrorCode;
  /** With `NO_ROOM`: bytes that the encoded value takes. */
  readonly needed: number | undefined;

  constructor(code: CodecErrorCode, message: string, options?: { needed?: number; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.needed = options?.needed;
  }
}
