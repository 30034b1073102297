/** Levels of arrays and maps in one value. Encoder and decoder recurse: this stays far below what the stack of a thread takes. */
export const MOST_DEPTH = 256;

/** Items of one value, by default. */
export const DEFAULT_ITEMS: number = 2 ** 20;

/** Items that any limit may allow. */
export const MOST_ITEMS: number = 2 ** 27;

/** How much one value may hold. */
export interface Limits {
  /** Items of arrays and entries of maps, all of them together. */
  readonly maxItems: number;
  /** Levels of arrays and maps. */
  readonly maxDepth: number;
}
