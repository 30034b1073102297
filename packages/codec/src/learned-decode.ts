import { type Kind, Learned, type Made, type Site } from './learned.js';
import { textBytes } from './shape/layout.js';
import { bytesMatch } from './shape/load-source.js';
import { quoted, SourceText } from './shape/source-text.js';
import { readText } from './shape/text.js';

/** What the generated functions use of the decoder. */
export interface Decoding {
  /** Private memory. */
  readonly bytes: Uint8Array;
  /** A view of the same bytes; see {@link Decoding.openView}. */
  readonly view: DataView | undefined;
  /** Where to read next. */
  position: number;
  /** Where the bytes end. */
  readonly end: number;
  openView(): DataView;
  /** Reads a value of any kind. */
  value(depth: number, site: ReadSite | undefined): unknown;
  /** Reads a value that is no map with the expected keys: by the next function that is known at the site, or else as any. */
  other(depth: number, site: ReadSite, expected: ReadAt): unknown;
  /** Reads the rest of a map of which only so many keys were those that were expected. */
  rest(
    keys: readonly string[],
    values: readonly unknown[],
    read: number,
    depth: number,
    site: ReadSite,
  ): unknown;
  /** Counts the children of a container before they become anything. Each of them takes a byte at least. */
  open(items: number, children: number, depth: number): void;
  /** Takes that back, and goes back to `position`. */
  reopen(items: number, position: number): void;
  /** Reads the header of an array, and returns its length; -1 where no array comes, and then nothing has been read. */
  arrayLength(): number;
}

/** Reads whatever comes at a site, as so many levels inside the value. */
export type ReadAt = (decoder: Decoding, depth: number, site: ReadSite) => unknown;

export type ReadSite = Site<ReadAt, Made<ReadAt>>;

const readAny: ReadAt = (decoder, depth, site) => decoder.value(depth, site);

/** Where values are read of which nothing is known yet. */
export function createReadSite(): ReadSite {
  return new Learned(readAny, generate).createRoot();
}

/**
 * Generates the function that reads maps with those keys, written in the shortest form. A map with other keys is left to the
 * decoder: from its beginning, if no more than numbers and short strings have been read, or else from there on. So no value
 * inside is read twice, however deep maps are nested that look like others at first.
 *
 * In the generated text `d` is the decoder, `s` its bytes, `D` its view of them, `p` the position, `e` the end, and `i` how many
 * entries have been read.
 */
function generate(keys: readonly string[], kinds: readonly Kind[], siteOf: () => ReadSite): Made<ReadAt> {
  const source = new SourceText(true);
  const text = source.value(readText);
  const count = keys.length;
  const names = keys.map((_, index) => `f${index}`);
  const encoded = keys.map(textBytes);
  const header = (0xde << 24) | (count << 8);
  const reads = kinds.map((kind, index) => {
    const x = names[index]!;
    const { length } = encoded[index]!;
    const isNext =
      index === 0
        ? ''
        : `i = ${index}; if (e - p <= ${length} || !(${bytesMatch(source, encoded[index]!, 'p')})) break read;`;
    const elsewhere = (call: string) => `{ d.position = p; ${x} = ${call}; p = d.position; isDeep = true; }`;
    const anything = elsewhere('d.value(depth + 1, undefined)');
    const value = () => {
      if (kind === 'number') {
        return (
          `${x} = s[p]; if (${x} === 0xcb && e - p >= 9) { ${x} = D.getFloat64(p + 1); p += 9; } ` +
          `else if (${x} < 0x80) p += 1; ` +
          `else if (${x} === 0xcd && e - p >= 3) { ${x} = D.getUint16(p + 1); p += 3; } ` +
          `else if (${x} === 0xce && e - p >= 5) { ${x} = D.getUint32(p + 1); p += 5; } else ${anything}`
        );
      }
      if (kind === 'text') {
        return `const n = s[p] ^ 0xa0; if (n < 0x20 && e - p > n) { ${x} = ${text}(s, p + 1, n); p += 1 + n; } else ${anything}`;
      }
      const site = source.value(siteOf());
      if (kind === 'other') return elsewhere(`${site}.run(d, depth + 1, ${site})`);
      const list = source.name('list');
      source.addFunction(
        `function ${list}(d, depth) {
          const length = d.arrayLength();
          if (length < 0) return ${site}.run(d, depth, ${site});
          d.open(length, length, depth);
          const items = [];
          for (let left = length; left > 0; left -= 1) items.push(${site}.run(d, depth + 1, ${site}));
          return items;
        }`,
      );
      return elsewhere(`${list}(d, depth + 1)`);
    };
    return `${isNext} { p += ${length}; ${value()} }`;
  });

  source.addFunction(
    `function run(d, depth, site) {
      const start = d.position, e = d.end;
      if (e - start < ${encoded[0]!.length + 4}) return d.other(depth, site, run);
      const s = d.bytes, D = d.view ?? d.openView();
      let p = start;
      if ((D.getInt32(p) & -256) === ${header}) p += 3;
      else if (s[p] === ${0x80 | count} && ${count} < 16) p += 1;
      else return d.other(depth, site, run);
      if (!(${bytesMatch(source, encoded[0]!, 'p')})) return d.other(depth, site, run);
      d.position = p;
      d.open(${count}, ${2 * count}, depth);
      let i = 0, isDeep = false, ${names.join(', ')};
      read: {
        ${reads.join('\n')}
        d.position = p;
        return { ${keys.map((key, index) => `${quoted(key)}: ${names[index]}`).join(', ')} };
      }
      if (!isDeep) { d.reopen(${count}, start); return d.other(depth, site, run); }
      d.position = p;
      return d.rest(${source.value(keys)}, [${names.join(', ')}], i, depth, site);
    }`,
  );
  return source.compile('{ run }') as Made<ReadAt>;
}
