import type { Shown } from './protocol.js';

/** Levels of a value that are shown. */
const MOST_DEPTH = 24;
/** Items of an array, or entries of an object. */
const MOST_ITEMS = 100;
/** Characters of one text, bytes of one run of them. */
const MOST_TEXT = 2000;
/** Characters of all texts of a value, with some for each part. */
const MOST_ROOM = 8000;
/** What a part takes besides its text. */
const PART_ROOM = 8;

/** A value cut to what a page can show: in depth, length and size, whatever it is. */
export function shownValue(value: unknown): Shown {
  return new Shower().show(value, 0);
}

class Shower {
  #room = MOST_ROOM;

  show(value: unknown, depth: number): Shown {
    this.#room -= PART_ROOM;
    if (this.#room < 0 || depth > MOST_DEPTH) return { kind: 'cut' };
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { kind: 'number', text: Object.is(value, -0) ? '-0' : String(value) };
      case 'boolean':
        return value;
      case 'bigint':
        return { kind: 'bigint', text: String(value) };
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        return null;
    }
  }

  #text(value: string): Shown {
    const taken = value.slice(0, Math.min(MOST_TEXT, Math.max(this.#room, 0)));
    this.#room -= taken.length;
    if (taken.length === value.length) return value;
    return { kind: 'text', text: taken, length: value.length };
  }

  #object(value: object, depth: number): Shown {
    if (value instanceof Date) {
      const isValid = !Number.isNaN(value.getTime());
      return { kind: 'timestamp', text: isValid ? value.toISOString() : 'no valid time' };
    }
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      const taken = bytes.subarray(0, Math.min(MOST_TEXT, Math.max(this.#room, 0)) >> 1);
      this.#room -= 2 * taken.length;
      return { kind: 'bytes', text: Buffer.from(taken).toString('hex'), length: bytes.length };
    }
    if (Array.isArray(value)) {
      const items = value.slice(0, MOST_ITEMS).map((item) => this.show(item, depth + 1));
      return { kind: 'array', items: withoutCuts(items), length: value.length };
    }
    if (value instanceof Map) return this.#entries('map', value.size, value, depth);
    const keys = Object.keys(value);
    const entries = keys.slice(0, MOST_ITEMS).map((key): [string, unknown] => {
      return [key, (value as Record<string, unknown>)[key]];
    });
    return this.#entries('object', keys.length, entries, depth);
  }

  #entries(
    kind: 'object' | 'map',
    length: number,
    all: Iterable<readonly [unknown, unknown]>,
    depth: number,
  ): Shown {
    const entries: [string, Shown][] = [];
    for (const [key, value] of all) {
      if (entries.length === MOST_ITEMS || this.#room < 0) break;
      const name = String(key).slice(0, MOST_TEXT);
      this.#room -= name.length;
      entries.push([name, this.show(value, depth + 1)]);
    }
    return { kind, entries, length };
  }
}

/** Of those at the end for which there was no room one is enough. */
function withoutCuts(items: readonly Shown[]): readonly Shown[] {
  const first = items.findIndex((item) => typeof item === 'object' && item?.kind === 'cut');
  return first < 0 ? items : items.slice(0, first + 1);
}
