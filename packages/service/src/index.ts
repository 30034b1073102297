export { methodHash } from './contract/method-hash.js';
export type { MethodContract, MethodPart, ServiceContract } from './contract/service-contract.js';
export { ServiceError, type ServiceErrorCode, type ServiceErrorOptions } from './foundation/errors.js';
