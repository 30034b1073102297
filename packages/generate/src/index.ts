/**
 * Code for C, Rust, Python and TypeScript from shapes, and definitions of services from contracts.
 *
 * @module @mmfbus/generate
 */
export type { Contract, ContractMethod, ContractPart } from './contract.js';
export { GenerateError, type GenerateErrorCode } from './errors.js';
export { type GenerateOptions, generate } from './generate.js';
export { type GenerateServiceOptions, generateService } from './generate-service.js';
export type { Language } from './target.js';
