import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  copyIn,
  copyInto,
  copyOut,
  fillShared,
  sharedBytes,
  sharedWords,
  shareMemory,
} from './shared-memory.js';

const PACKAGES = join(import.meta.dirname, '../..');
/** A cast that could make bytes, for text decoders and the like, of memory that other processes can change. */
const CAST = / as (?:unknown as |never as |any as )?(?:ArrayBuffer|Uint8Array|Buffer|WordBytes|any)\b/;

/** The lines that may say so: what they cast is private. */
const PRIVATE = new Set([
  // A copy of private bytes, in a package that does not know this one.
  'if (length > FEW_BYTES) (target as Uint8Array).set(bytes, offset);',
  // The program's own bytes.
  'readPrivateLength.call(readBuffer.call(bytes) as ArrayBuffer);',
  'return putBinary(place.bytes, place.offset, value as Uint8Array, length);',
  'writer.writeBytes(this.#values[index] as Uint8Array, this.lengths[index] as number, timestamp);',
  // Memory that was just allocated, or that carries its words, and what messages are copied to.
  'const memory = bytes.buffer as ArrayBuffer;',
  'this.payload = place as WordBytes;',
  'return Buffer.allocUnsafeSlow(length).buffer as ArrayBuffer;',
]);

function sourcesOf(name: string): string[] {
  const folder = join(PACKAGES, name, 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(folder, file));
}

describe('shared memory', () => {
  it('is made bytes of in one file only', () => {
    const casts = ['core', 'codec', 'channel'].flatMap(sourcesOf).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => CAST.test(line) && !/^(\*|\/\*|\/\/|import )/.test(line) && !PRIVATE.has(line))
        .map(() => relative(PACKAGES, file).replaceAll(sep, '/')),
    );
    expect([...new Set(casts)]).toEqual(['core/src/shared-memory.ts']);
  });

  it('is copied out and in', () => {
    const memory = shareMemory(new Uint8Array(16));
    const bytes = sharedBytes(memory, 4, 8);
    copyIn(Uint8Array.of(1, 2, 3), bytes, 2);
    expect(sharedWords(memory, 4, 2)).toEqual(Int32Array.of(0x02010000, 3));
    const copy = copyOut(bytes, 1, 5);
    fillShared(bytes, 9, 0, 3);
    expect(copy).toEqual(Uint8Array.of(0, 1, 2, 3));
    const target = new Uint8Array(3);
    copyInto(bytes, 2, 4, target, 1);
    expect(target).toEqual(Uint8Array.of(0, 9, 2));
  });
});
