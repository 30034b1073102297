/**
 * What the command, the live page and bridges use of this package. It is no API: it changes without notice.
 *
 * @module
 */
export { openClient } from './client/client.js';
export { PassedOnError } from './foundation/passed-on.js';
export { addUp, type MethodState, type ObservedCall, quantile } from './observe/method-state.js';
export { ServiceObserver } from './observe/observe-service.js';
export type { ClientState, ServerState, ServiceState } from './observe/service-state.js';
export { serve } from './server/server.js';
export { sweepLeftovers } from './wire/leftovers.js';
