import { type Kind, Learned, type Site } from './learned.js';
import { writeInteger } from './shape/integer-bytes.js';
import { textBytes } from './shape/layout.js';
import { bytesWrite } from './shape/scalar-source.js';
import { quoted, SourceText } from './shape/source-text.js';

/** What the generated functions use of the encoder. Positions are returned: where the next byte goes. */
export interface Encoding {
  /** A view of the bytes that are written to. */
  readonly view: DataView;
  /** Items and entries that may follow. */
  itemsLeft: number;
  /** Sees to it that there is room up to `end`, and returns the bytes. */
  room(end: number): Uint8Array;
  /** Writes a value of any kind. */
  write(value: unknown, position: number, depth: number, site: WriteSite | undefined): number;
  text(text: string, position: number, what: string): number;
  /** Writes an object, no array, which has that prototype. */
  withPrototype(object: object, prototype: unknown, position: number, depth: number, site: WriteSite): number;
  /** Writes a plain object which has that `toJSON`. */
  withToJson(object: object, toJson: unknown, position: number, depth: number, site: WriteSite): number;
  /** Writes a plain object without `toJSON`, which has not the fields that were expected. */
  other(object: object, position: number, depth: number, site: WriteSite): number;
  requireDepth(container: object, depth: number): void;
  count(items: number): void;
  openArray(array: object, length: number, position: number, depth: number): number;
  /** The error to throw for one that was thrown while that part of `container` was written. */
  addPlace(error: unknown, container: object, key: string | number): unknown;
}

/** Writes whatever comes at a site, as so many levels inside the value. */
export type WriteAt = (
  encoder: Encoding,
  value: unknown,
  position: number,
  depth: number,
  site: WriteSite,
) => number;

/** What was made to write objects of one sequence of keys. */
export interface MadeWriter {
  readonly run: WriteAt;
  /** Whether a plain object has exactly these fields, in that order. No property is read. */
  owns(object: object): boolean;
  /** Writes an object that does. */
  put(encoder: Encoding, object: object, position: number, depth: number): number;
}

export type WriteSite = Site<WriteAt, MadeWriter>;

const writeAny: WriteAt = (encoder, value, position, depth, site) =>
  encoder.write(value, position, depth, site);

/** Where values are written of which nothing is known yet. */
export function createWriteSite(): WriteSite {
  return new Learned(writeAny, generate).createRoot();
}

/** Bytes that any number takes at most. */
const NUMBER_SIZE = 9;

/**
 * Generates the functions that write objects with those keys. The keys are compared before any property is read; a field that
 * is undefined when its turn comes may have been deleted meanwhile, and is then left out and not counted, as `for`-`in` leaves it out.
 *
 * In the generated text `w` is the encoder, `v` the object, `t` the bytes, `D` the view of them, `o` where the next byte goes, and
 * `at` the field that is written, -1 while none is.
 */
function generate(keys: readonly string[], kinds: readonly Kind[], siteOf: () => WriteSite): MadeWriter {
  const source = new SourceText(true);
  const { getPrototypeOf, prototype } = Object;
  const [ownProperty, proto] = [source.value(prototype.hasOwnProperty), source.value(prototype)];
  const [isArray, integer] = [source.value(Array.isArray), source.value(writeInteger)];
  const encoded = keys.map(textBytes);
  const sizes = encoded.map(({ length }) => length + NUMBER_SIZE);
  let rest = sizes.reduce((sum, size) => sum + size, 0);
  const room = `w.room(start + ${3 + rest})`;

  const writes = keys.map((key, index) => {
    rest -= sizes[index]!;
    const name = quoted(key);
    const elsewhere = (call: string) => `{ o = ${call}; t = w.room(o + ${rest}); D = w.view; }`;
    const value = () => {
      if (kinds[index] === 'number') {
        return (
          `if (typeof x === 'number') { if (x >>> 0 === x || x >> 0 === x) { ` +
          `if (x >= 0 && x < 0x80) { t[o] = x; o += 1; } else o = ${integer}(x, t, o); ` +
          `} else { t[o] = 0xcb; D.setFloat64(o + 1, x); o += 9; } } else ${elsewhere('w.write(x, o, depth + 1, undefined)')}`
        );
      }
      if (kinds[index] === 'text') {
        const write = `typeof x === 'string' ? w.text(x, o, 'a string') : w.write(x, o, depth + 1, undefined)`;
        return elsewhere(write);
      }
      const site = source.value(siteOf());
      const write = `${site}.run(w, x, o, depth + 1, ${site})`;
      if (kinds[index] === 'other') return elsewhere(write);
      const list = source.name('list');
      source.addFunction(
        `function ${list}(w, v, start, depth) {
          const { length } = v;
          let o = w.openArray(v, length, start, depth), at = 0;
          try {
            for (; at < length; at += 1) o = ${site}.run(w, v[at], o, depth + 1, ${site});
          } catch (error) { throw w.addPlace(error, v, at); }
          return o;
        }`,
      );
      return elsewhere(`${isArray}(x) ? ${list}(w, x, o, depth + 1) : ${write}`);
    };
    return `
      if (w.itemsLeft > 0) {
        w.itemsLeft -= 1;
        at = ${index}; x = v[${name}];
        if (x !== undefined || ${ownProperty}.call(v, ${name})) { ${bytesWrite(source, encoded[index]!)} ${value()} }
        else { count -= 1; w.itemsLeft += 1; }
      } else { if (${ownProperty}.call(v, ${name})) w.count(1); count -= 1; }
      at = -1;`;
  });

  source.addFunction(
    `function owns(v) {
      let i = 0;
      for (const key in v) {
        if (!${ownProperty}.call(v, key)) continue;
        switch (i) {
          ${keys.map((key, index) => `case ${index}: if (key !== ${quoted(key)}) return false; break;`).join(' ')}
          default: return false;
        }
        i += 1;
      }
      return i === ${keys.length};
    }
    function put(w, v, start, depth) {
      w.requireDepth(v, depth);
      let t = ${room}, D = w.view, o = start + 3, count = ${keys.length}, at = -1, x;
      try { ${writes.join('')} } catch (error) { throw at < 0 ? error : w.addPlace(error, v, ${source.value(keys)}[at]); }
      t[start] = 0xde;
      t[start + 1] = 0;
      t[start + 2] = count;
      return o;
    }
    function run(w, v, start, depth, site) {
      if (typeof v !== 'object' || v === null || ${isArray}(v)) return w.write(v, start, depth, site);
      const prototype = ${source.value(getPrototypeOf)}(v);
      if (prototype !== ${proto}) return w.withPrototype(v, prototype, start, depth, site);
      const toJson = v.toJSON;
      if (toJson !== undefined) return w.withToJson(v, toJson, start, depth, site);
      return owns(v) ? put(w, v, start, depth) : w.other(v, start, depth, site);
    }`,
  );
  return source.compile('{ run, owns, put }') as MadeWriter;
}
