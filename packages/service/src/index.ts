export type { ClientOptions } from './client/client-options.js';
export { compareContracts, type MethodComparison } from './contract/compare-contracts.js';
export type { Methods, ServiceDefinition } from './contract/compile-contract.js';
export { contractOfText } from './contract/contract-of-text.js';
export { DeclaredError } from './contract/declared-error.js';
export { type ErrorSchemas, type Method, type MethodOptions, method } from './contract/method.js';
export { methodHash } from './contract/method-hash.js';
export {
  type ErrorSchema,
  type InputSchema,
  type Nothing,
  nothing,
  type OutputSchema,
  type StreamOf,
  stream,
} from './contract/schema.js';
export type { MethodContract, MethodPart, ServiceContract } from './contract/service-contract.js';
export type {
  AnswerOf,
  AnswerStream,
  Caller,
  CallOf,
  CallOptions,
  CallsOfAll,
  Client,
  ClientMembers,
  Context,
  DeclaredErrors,
  ErrorMakers,
  HandlerOf,
  Handlers,
  ServerInfo,
  Streamable,
} from './contract/types.js';
export { ServiceError, type ServiceErrorCode, type ServiceErrorOptions } from './foundation/errors.js';
export type {
  CloseServerOptions,
  ServeOptions,
  Server,
  ServerCloseInfo,
} from './server/server-options.js';
export { defineService, type Service } from './service.js';
