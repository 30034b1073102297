/**
 * What the command and the live page use of this package. It is no API: it changes without notice.
 *
 * @module
 */
export { openClient } from './client/client.js';
export { addUp, type MethodState, type ObservedCall, quantile } from './observe/method-state.js';
export { ServiceObserver } from './observe/observe-service.js';
export type { ClientState, ServerState, ServiceState } from './observe/service-state.js';
export { sweepLeftovers } from './wire/leftovers.js';
