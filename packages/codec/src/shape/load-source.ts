import { float32, float64, LOWER, UPPER, words } from './number-bytes.js';
import { parts, type SourceText, wordOf } from './source-text.js';

/** An expression of two bytes, the upper first. In the generated text `s` is the source, and `p` the position. */
export function get16(source: SourceText, at: string): string {
  return source.hasData ? `D.getUint16(${at})` : `(s[${at}] << 8 | s[${at} + 1])`;
}

/** An expression of four bytes, as an integer with a sign. */
export function get32(source: SourceText, at: string): string {
  if (source.hasData) return `D.getInt32(${at})`;
  return `(s[${at}] << 24 | s[${at} + 1] << 16 | s[${at} + 2] << 8 | s[${at} + 3])`;
}

/**
 * The whole number of eight bytes behind the token at `p`, exact up to 2^53. It is put together from fractions, which V8 adds as floats
 * and nothing else: where it has seen whole numbers only, Node 26 checks of each sum that it is one.
 */
export function get64(source: SourceText, isSigned: boolean): string {
  const upper = isSigned ? get32(source, 'p + 1') : `${get32(source, 'p + 1')} >>> 0`;
  return `((${upper}) + 0.5 + (${get32(source, 'p + 5')} ^ -2147483648) / 4294967296) * 4294967296`;
}

/** A statement that reads the double behind the token at `p`. */
export function float64Load(source: SourceText, x: string): string {
  if (source.hasData) return `${x} = D.getFloat64(p + 1);`;
  return `${wordsLoad(source)} ${x} = ${source.value(float64)}[0];`;
}

/** The same of a float. */
export function float32Load(source: SourceText, x: string): string {
  if (source.hasData) return `${x} = D.getFloat32(p + 1);`;
  return `${source.value(words)}[0] = ${get32(source, 'p + 1')}; ${x} = ${source.value(float32)}[0];`;
}

/** Statements that put the eight bytes after the token where they can be seen as a number. */
export function wordsLoad(source: SourceText): string {
  const word = source.value(words);
  return `${word}[${UPPER}] = ${get32(source, 'p + 1')}; ${word}[${LOWER}] = ${get32(source, 'p + 5')};`;
}

/** An expression that tells whether the bytes lie at a position, four of them compared at once. */
export function bytesMatch(source: SourceText, bytes: readonly number[], at: string): string {
  if (!source.mayInline(bytes.length)) {
    return `${source.value(areAt)}(s, ${at}, ${source.value(Uint8Array.from(bytes))})`;
  }
  if (!source.hasData) return matchByBytes(bytes, at);
  const tests = parts(source, bytes.length).map(({ start, size }) => {
    const place = start === 0 ? at : `${at} + ${start}`;
    const word = wordOf(bytes, start, size);
    if (size === 1) return `s[${place}] === ${word}`;
    return size === 2 ? `D.getUint16(${place}) === ${word}` : `D.getInt32(${place}) === ${word | 0}`;
  });
  return tests.join(' && ');
}

/** The same without a `DataView`: four bytes are put together first. */
function matchByBytes(bytes: readonly number[], at: string): string {
  const tests: string[] = [];
  for (let start = 0; start < bytes.length; start += 4) {
    const part = bytes.slice(start, start + 4);
    const loads = part.map((_, index) => {
      const load = start + index === 0 ? `s[${at}]` : `s[${at} + ${start + index}]`;
      return index === 0 ? load : `${load} << ${8 * index}`;
    });
    const word = part.reduce((sum, byte, index) => sum | (byte << (8 * index)), 0);
    tests.push(part.length === 1 ? `${loads[0]} === ${word}` : `(${loads.join(' | ')}) === ${word}`);
  }
  return tests.join(' && ');
}

function areAt(source: Uint8Array, position: number, bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) {
    if (source[position + index] !== bytes[index]) return false;
  }
  return true;
}
