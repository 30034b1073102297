/**
 * What went wrong, for programs:
 * - `USAGE`: an argument is missing or makes no sense.
 * - `MODULE`: the module cannot be imported, or has no such export.
 * - `SHAPE`: the export is no shape and no service, or one that no code can be generated from.
 */
export type GenerateErrorCode = 'USAGE' | 'MODULE' | 'SHAPE';

/** Every error that `@mmfbus/generate` throws. */
export class GenerateError extends Error {
  override readonly name = 'GenerateError';
  /** What went wrong, for programs. */
  readonly code: GenerateErrorCode;

  constructor(code: GenerateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
