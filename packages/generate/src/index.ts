/**
 * Code for C, Rust and Python from shapes.
 *
 * @module @mmfbus/generate
 */
export { GenerateError, type GenerateErrorCode } from './errors.js';
export { type GenerateOptions, generate } from './generate.js';
export type { Language } from './target.js';
