import type { ShapeNode } from '@mmfbus/codec';

/** Whether nil in the place of an optional field is a value of its own, and not one that is missing. */
export function takesNil(node: ShapeNode): boolean {
  return node.kind === 'nullable' || node.kind === 'unknown';
}
