/**
 * What went wrong, for programs:
 * - `UNENCODABLE`: the value, or something in it, has no encoding.
 * - `UNDECODABLE`: the bytes are not exactly one valid value.
 * - `NO_ROOM`: the encoded value does not fit into the buffer; `needed` says how many bytes it takes.
 * - `INVALID_SHAPE`: a shape, a JSON Schema or an option of a codec cannot be used. Only what makes them throws it.
 */
export type CodecErrorCode = 'UNENCODABLE' | 'UNDECODABLE' | 'NO_ROOM' | 'INVALID_SHAPE';

/** What every copy of this package marks its errors with. */
const BRAND: unique symbol = Symbol.for('mmfbus.CodecError') as never;

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
    Object.defineProperty(this, BRAND, { value: true });
    this.needed = options?.needed;
  }

  /** Also of errors that another copy of this package has made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class that extends this one, only its own.
    const { prototype } = this;
    if (prototype !== CodecError.prototype)
      return Object.prototype.isPrototypeOf.call(prototype, value as object);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
