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

/** Frames begin at multiples of this. */
export const FRAME_ALIGNMENT = 32;
