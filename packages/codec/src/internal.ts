/**
 * What the other packages of mmfbus use of this one. It is no API: it changes without notice.
 *
 * @module
 */
export { allocateFreeBytes } from './free-bytes.js';
export {
  encodeInPlace,
  encodesInPlace,
  hasOwnBytes,
  type InPlaceCodec,
  type InPlaceTarget,
  type OwnBytesCodec,
  ownBytes,
} from './in-place.js';
export { jsonText } from './json-text.js';
export { type ShapeTerm, termOf } from './shape/canonical.js';
export { shapeFromTerm } from './shape/from-text.js';
export { alike, LEAVES, type Visitor, visit } from './shape/node.js';
export { requireCodable } from './shape/usable.js';
export { allocateWordBytes, viewOf, type WordBytes, withWords } from './word-bytes.js';
export { type WordFunctions, wordFunctionsOf } from './word-codec.js';
