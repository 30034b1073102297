import { describeKind, requireOptions } from '../arguments.js';
import { checkLimit, invalidShape } from '../invalid-shape.js';
import { DEFAULT_ITEMS, MOST_DEPTH, MOST_ITEMS } from '../limits.js';

/** Options of {@link codecOf}. The limits hold for encoding and for decoding. */
export interface ShapeOptions {
  /**
   * How structs are written. Defaults to `map`.
   * - `map`: as maps with the names as keys, which any reader of msgpack can read.
   * - `array`: as arrays of the values in order: smaller, for readers that know the shape. The codec's id is
   *   `msgpack-array`.
   */
  readonly layout?: 'map' | 'array' | undefined;
  /** Whether strings that are not UTF-8 are refused. Defaults to false: what is wrong in them becomes U+FFFD. */
  readonly strictUtf8?: boolean | undefined;
  /** Levels of the shape, of each `unknown()`, and of each value that is skipped; 1 to 256. Defaults to 64. */
  readonly maxDepth?: number | undefined;
  /** Bytes of one string. Defaults to 16 MiB. */
  readonly maxTextBytes?: number | undefined;
  /** Bytes of one `bytes()`. Defaults to 64 MiB. */
  readonly maxBinaryBytes?: number | undefined;
  /** Items of one array, entries of one map; of an `unknown()`, all of them together. Defaults to 1,048,576. */
  readonly maxItems?: number | undefined;
  /** Bytes of a whole value. Defaults to 64 MiB. */
  readonly maxSize?: number | undefined;
}

/** {@link ShapeOptions}, checked and complete. */
export interface Settings {
  readonly layout: 'map' | 'array';
  readonly strictUtf8: boolean;
  readonly maxDepth: number;
  readonly maxTextBytes: number;
  readonly maxBinaryBytes: number;
  readonly maxItems: number;
  readonly maxSize: number;
}

const MiB = 2 ** 20;
/** V8 has no longer strings, and Node 20 no longer arrays of bytes. */
const MOST_BYTES = 2 ** 29;

const NAMES: readonly (keyof ShapeOptions)[] = [
  'layout',
  'strictUtf8',
  'maxDepth',
  'maxTextBytes',
  'maxBinaryBytes',
  'maxItems',
  'maxSize',
];

/** Checks options and fills in the defaults. */
export function checkSettings(options: ShapeOptions): Settings {
  requireOptions('codecOf()', options, NAMES);
  const { layout = 'map', strictUtf8 = false } = options;
  if (typeof strictUtf8 !== 'boolean') {
    throw invalidShape(`strictUtf8 must be true or false, not ${describeKind(strictUtf8)}`);
  }
  if (layout !== 'map' && layout !== 'array') {
    throw invalidShape(`layout must be "map" or "array", not ${JSON.stringify(layout)}`);
  }
  return {
    layout,
    strictUtf8,
    maxDepth: checkLimit('maxDepth', options.maxDepth, 64, MOST_DEPTH),
    maxTextBytes: checkLimit('maxTextBytes', options.maxTextBytes, 16 * MiB, MOST_BYTES - 1),
    maxBinaryBytes: checkLimit('maxBinaryBytes', options.maxBinaryBytes, 64 * MiB, MOST_BYTES),
    maxItems: checkLimit('maxItems', options.maxItems, DEFAULT_ITEMS, MOST_ITEMS),
    maxSize: checkLimit('maxSize', options.maxSize, 64 * MiB, MOST_BYTES),
  };
}
