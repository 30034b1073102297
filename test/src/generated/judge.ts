import assert from 'node:assert/strict';
import { CodecError, type ShapeNode } from '@mmfbus/codec';
import { decoded } from '../codec/encoded.js';
import type { Echo } from './echo.js';
import { type Message, SEED } from './samples.js';

/**
 * Compares what generated code made of a message with what Node makes of it.
 *
 * @param tolerated a reason for which Node alone may refuse.
 * @returns whether both accepted it.
 * @throws when one refuses what the other accepts, or reads another value.
 */
export function agree({ sample, bytes }: Message, answer: Echo, tolerated?: string): boolean {
  const where = () =>
    `seed ${SEED}, ${sample.name}, ${sample.codec.schema.text}: ${Buffer.from(bytes).toString('hex')}`;
  const expected = outcome(sample, bytes);
  if (!('bytes' in answer)) {
    assert.ok(!answer.refused.startsWith('encoding: '), `${where()}: decoded, and then ${answer.refused}`);
    assert.ok('refused' in expected, `${where()}: refused (${answer.refused}), and not by Node`);
    return false;
  }
  if ('refused' in expected) {
    const isTolerated = tolerated !== undefined && expected.refused.includes(tolerated);
    const mayAccept = isTolerated || holdsUnknown(sample.shape.node);
    assert.ok(mayAccept, `${where()}: accepted, and not by Node (${expected.refused})`);
    return false;
  }
  assert.deepStrictEqual(outcome(sample, answer.bytes), expected, where());
  return true;
}

function outcome(
  { codec }: Message['sample'],
  bytes: Uint8Array,
): { readonly value: unknown } | { readonly refused: string } {
  try {
    return { value: decoded(codec, bytes) };
  } catch (error) {
    if (error instanceof CodecError) return { refused: error.message };
    throw error;
  }
}

/** Generated code leaves such values as they are, and Node looks into them. */
function holdsUnknown(node: ShapeNode): boolean {
  return JSON.stringify(node).includes('"kind":"unknown"');
}
