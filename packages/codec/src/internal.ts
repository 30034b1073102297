/**
 * What the other packages of mmfbus use of this one. It is no API: it changes without notice.
 *
 * @module
 */
export { encodeInPlace, encodesInPlace, type InPlaceCodec, type InPlaceTarget } from './in-place.js';
