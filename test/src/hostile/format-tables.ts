import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../support/workspace.js';

/** A field of a region, as FORMAT.md has it. */
export interface FormatField {
  readonly name: string;
  /** Bytes from the start of the region. */
  readonly offset: number;
  readonly length: number;
}

/** A region of a channel's segment. */
export interface FormatTable {
  readonly fields: readonly FormatField[];
  readonly length: number;
  /** Where the field of that name is. */
  offsetOf(name: string): number;
}

const document = readFileSync(join(packageFolder('channel'), 'FORMAT.md'), 'utf8');

/**
 * Reads a table of FORMAT.md, which is made from the code: a field that is added there is attacked from then on.
 *
 * @param title as it stands before the table.
 */
function formatTable(title: string): FormatTable {
  const start = document.indexOf(`<!-- layout: ${title} -->`);
  if (start < 0) throw new Error(`FORMAT.md has no table ${JSON.stringify(title)}`);
  const text = document.slice(start, document.indexOf('<!-- end of layout -->', start));
  const fields = [...text.matchAll(/^\| (\d+) \| (\d+) \| \S+ \| (\S+) \|/gm)].map(
    ([, offset, length, name]) => ({ name: name as string, offset: Number(offset), length: Number(length) }),
  );
  const length = Number(/^\| (\d+) \| \| \| \| end \|/m.exec(text)?.[1]);
  const offsetOf = (name: string): number => {
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw new Error(`the table ${JSON.stringify(title)} has no field ${name}`);
    return field.offset;
  };
  return { fields, length, offsetOf };
}

export const headerTable: FormatTable = formatTable('Segment header');
export const slotTable: FormatTable = formatTable('Slot of a participant');
export const frameTable: FormatTable = formatTable('Header of a frame');
export const fragmentTable: FormatTable = formatTable('Header of a fragment');

/** Frames begin at multiples of this. */
export const FRAME_ALIGNMENT = 32;
/** Values of `kind`. */
export const KIND_MESSAGE = 1;
export const KIND_PADDING = 2;
export const KIND_TERMINATOR = 3;
export const KIND_FRAGMENT = 4;
export const KIND_LAST_FRAGMENT = 5;

/** Bytes that a frame with that much payload takes in the ring. */
export function frameSize(payload: number): number {
  return Math.ceil((frameTable.length + payload) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}
