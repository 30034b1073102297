import { describe, expect, it } from 'vitest';
import { encodeInPlace, encodesInPlace } from '../in-place.js';
import { codecOf, type Infer, nullable, optional, string, struct, u32 } from '../index.js';
import { allocateWordBytes, dataOf, type WordBytes } from '../word-bytes.js';
import { hasLast, keepText, LastText, putLast, SHORTEST_READ, SHORTEST_WRITTEN } from './last-text.js';

const shape = struct({
  id: u32(),
  name: string(),
  placeOfTheService: nullable(string()),
  note: optional(string()),
  text: string(),
});
type Value = Infer<typeof shape>;

/** Texts of all kinds, on both sides of each limit: some of them are no ASCII, some look like zeros when they are doubles. */
const texts = [
  '',
  'short',
  'eight ch',
  'nine char',
  'ip-10-0-12-34.eu-west-1',
  'x'.repeat(31),
  'y'.repeat(32),
  'Zürich, Limmatstraße 1',
  '😀 in the middle of it',
  '\0'.repeat(40),
  'z'.repeat(240),
  'z'.repeat(260),
  `${'z'.repeat(239)}é`,
];

/** Numbers that look random, the same ones each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Values whose texts stay the same for some time, each field for another time. */
function values(count: number): Value[] {
  const next = numbers(7);
  const text = () => texts[next(texts.length)]!;
  const value: Value = { id: 0, name: 'first', placeOfTheService: null, text: '' };
  return Array.from({ length: count }, (_, id) => {
    if (next(30) === 0) value.name = text();
    if (next(20) === 0) value.placeOfTheService = next(3) === 0 ? null : text();
    if (next(25) === 0) value.note = text();
    if (next(40) === 0) delete value.note;
    if (next(2) === 0) value.text = text();
    return { ...value, id };
  });
}

class Place {
  readonly bytes: WordBytes = allocateWordBytes(2000);
  readonly data: DataView = dataOf(this.bytes)!;
  offset = 3;
  limit = 3;

  begin(length: number): boolean {
    this.limit = this.offset + length;
    return true;
  }
}

describe.each(['map', 'array'] as const)('texts that come again, structs as %s', (layout) => {
  const codec = codecOf(shape, { layout });

  it('are written and read as any other, and nothing is written beyond them', () => {
    const plain = new Uint8Array(2000);
    const target = allocateWordBytes(2000);
    for (const [index, value] of values(5000).entries()) {
      const offset = index % 9;
      plain.fill(0xaa);
      target.fill(0xaa);
      const end = codec.encode(value, plain, offset);
      expect(codec.encode(value, target, offset)).toBe(end);
      expect(Buffer.compare(target, plain), `value ${index}`).toBe(0);
      expect(codec.decode(target, offset, end)).toEqual(value);
      expect(codec.decode(plain, offset, end)).toEqual(value);
    }
  });

  it('are written in place as encode writes them', () => {
    if (!encodesInPlace(codec)) expect.fail('it does not encode in place');
    const target = allocateWordBytes(2000);
    let inPlace = 0;
    for (const value of values(5000)) {
      const end = codec.encode(value, target, 3);
      const place = new Place();
      const reached = codec[encodeInPlace](value, place);
      if (reached === -1) continue;
      inPlace++;
      expect(reached).toBe(end);
      expect(Buffer.compare(place.bytes.subarray(0, end), target.subarray(0, end))).toBe(0);
      expect(reached).toBeLessThanOrEqual(place.limit);
    }
    expect(inPlace).toBeGreaterThan(50);
  });

  it('are told from bytes that are equal as numbers alone', () => {
    const target = allocateWordBytes(400);
    const value: Value = { id: 1, name: '\0'.repeat(60), placeOfTheService: null, text: '' };
    const end = codec.encode(value, target, 0);
    for (let count = 0; count < 100; count++) expect(codec.decode(target, 0, end)).toEqual(value);
    for (let at = 0; at < end; at++) {
      if (target[at] !== 0) continue;
      target[at] = 0x80;
      expect((codec.decode(target, 0, end) as Value).name).toContain('\ufffd');
      target[at] = 0;
    }
  });
});

describe('LastText', () => {
  const bytes = allocateWordBytes(1000);
  const data = dataOf(bytes)!;
  const key = Uint8Array.of(0xa1, 0x6b);
  const codec = codecOf(string());

  /** Reads a field with that text; whether it was the last one. */
  function read(last: LastText, text: string): boolean {
    bytes.set(key, 5);
    const end = codec.encode(text, bytes, 7);
    const isLast = 5 + last.size <= end && hasLast(data, 5, last);
    if (!isLast) keepText(last, key, text);
    return isLast;
  }

  it('is kept after the first, and another one once enough have passed', () => {
    const last = new LastText(SHORTEST_READ);
    expect([read(last, 'a text of the field'), read(last, 'a text of the field')]).toEqual([false, true]);
    const others = Array.from({ length: 40 }, () => read(last, 'the other of the field'));
    expect(others.indexOf(true)).toBe(16);
    expect(others.slice(16)).not.toContain(false);
    bytes.fill(0);
    expect(putLast(data, 11, last)).toBe(11 + 25);
    expect(Buffer.from(bytes).toString('latin1', 11, 36)).toBe('\xa1k\xb6the other of the field');
  });

  it('is kept of short texts only where they come as often as others', () => {
    const share = (texts: readonly string[]) => {
      const last = new LastText(SHORTEST_WRITTEN);
      const reads = Array.from({ length: 10_000 }, (_, index) => read(last, texts[index % texts.length]!));
      return reads.filter((isLast) => isLast).length / reads.length;
    };
    expect(share(['symbol'])).toBeGreaterThan(0.99);
    expect(share(['symbol', 'another', 'symbol', 'symbol'])).toBeGreaterThan(0.5);
    expect(share(['symbol', 'another', 'a third', 'a fourth'])).toBeLessThan(0.05);
    // Of longer ones more is gained.
    expect(share(['a longer symbol', 'another one of them', 'a third', 'a fourth'])).toBeGreaterThan(0.2);
    expect(share(['tiny'])).toBe(0);
  });

  it('is hardly ever kept where no text comes twice, and never takes more than some memory', () => {
    const last = new LastText(SHORTEST_READ);
    const kept = new Set<string>();
    for (let count = 0; count < 100_000; count++) {
      keepText(last, key, `${count} of many`.padEnd(16 + (count % 250), '.'));
      kept.add(last.text);
    }
    expect(kept.size).toBeGreaterThan(100);
    expect(kept.size).toBeLessThan(1000);
    expect(last.form.byteLength).toBeLessThanOrEqual(512);
  });

  it('keeps no larger string in memory that a text is a part of, nor anything that is too long', () => {
    const last = new LastText(SHORTEST_WRITTEN);
    keepText(last, key, 'x'.repeat(300));
    keepText(last, new Uint8Array(300), 'text');
    expect([last.text, last.size > 256]).toEqual(['', true]);
    for (let count = 0; count < 20; count++) keepText(last, key, 'Zürich, Limmatstraße');
    expect([last.text, last.size]).toEqual(['Zürich, Limmatstraße', 2 + 1 + 22]);
  });
});
