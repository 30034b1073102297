import { messageOf } from '../refusal.js';
import { WriteFunctions } from './closure-encode.js';
import type { Write } from './closures.js';
import { Mismatch } from './mismatch.js';
import type { ShapeNode } from './node.js';
import { checkSettings } from './settings.js';
import type { StandardResult } from './standard-schema.js';
import { Writer } from './writer.js';

const settings = checkSettings({});
const writes = new WeakMap<ShapeNode, Write>();

/** Checks a value the way encoding does, with the limits that codecs have by default. */
export function validateNode<T>(node: ShapeNode, value: unknown): StandardResult<T> {
  let write = writes.get(node);
  if (write === undefined) {
    write = new WriteFunctions(settings).of(node);
    writes.set(node, write);
  }
  try {
    write(value, new Writer(settings.maxSize));
    return { value: value as T };
  } catch (error) {
    const path = error instanceof Mismatch ? error.path : [];
    return { issues: [{ message: messageOf(error), path }] };
  }
}
