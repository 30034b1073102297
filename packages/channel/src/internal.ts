/**
 * What the other packages of mmfbus use of this one. It is no API: it changes without notice.
 *
 * @module
 */
import * as callLayout from './format/call-layout.js';

export { PHASE_DRAINING, PHASE_SERVING } from './format/participant-layout.js';
export { callLayout };
