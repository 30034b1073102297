import { canonicalTextOf } from './canonical.js';
import { requireShape } from './require-shape.js';
import type { Shape } from './shape.js';

/**
 * A shape as JSON text, equal for equal shapes. `docs/shapes.md` defines it; what matters in JavaScript alone, as whether an
 * integer is a bigint, is not in it.
 */
export function canonicalText(shape: Shape): string {
  requireShape('what canonicalText() takes', shape);
  return canonicalTextOf(shape.node);
}

/** The SHA-256 of the {@link canonicalText} of a shape, in UTF-8: 32 bytes. */
export function fingerprint(shape: Shape): Uint8Array {
  requireShape('what fingerprint() takes', shape);
  const { createHash } = process.getBuiltinModule('node:crypto');
  return new Uint8Array(createHash('sha256').update(canonicalTextOf(shape.node), 'utf8').digest());
}
