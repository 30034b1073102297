import type { ShapeNode } from './node.js';
import type { Reader } from './reader.js';
import type { Settings } from './settings.js';
import type { Writer } from './writer.js';

/** Reads one value, in any form that a writer may have chosen. Throws a `Mismatch` for what does not fit. */
export type Read = (reader: Reader) => unknown;

/** The functions that read the nodes of a shape: one for each node, however often the node is used. */
export interface Reads {
  readonly settings: Settings;
  of(node: ShapeNode): Read;
}

/** Checks and writes one value. Throws a `Mismatch` for what does not fit. */
export type Write = (value: unknown, writer: Writer) => void;

/** The functions that write the nodes of a shape: one for each node, however often the node is used. */
export interface Writes {
  readonly settings: Settings;
  of(node: ShapeNode): Write;
}
