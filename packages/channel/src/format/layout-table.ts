import type { Layout, PlacedField } from './layout.js';
import { layouts } from './layouts.js';

const BEGIN = '<!-- layout: ';
const END = '<!-- end of layout -->';

/** What a field means, with the values that it may have. */
function meaningOf({ meaning, values }: PlacedField): string {
  const listed = Object.values(values).map(([value, text]) => `${value} ${text}`.trim());
  return [meaning, listed.join(', ')].filter((part) => part !== '').join(': ');
}

/** A layout as a table in Markdown. */
function layoutTable({ fields, length }: Layout): string {
  const rows = fields.map(
    (field) => `| ${field.offset} | ${field.length} | ${field.type} | ${field.name} | ${meaningOf(field)} |`,
  );
  return [
    '| offset | bytes | type | field | meaning |',
    '|---|---|---|---|---|',
    ...rows,
    `| ${length} | | | | end |`,
  ].join('\n');
}

/** The document with each of its tables made anew from the layouts. */
export function withLayoutTables(document: string): string {
  return Object.values(layouts).reduce((text, layout) => {
    const begin = `${BEGIN}${layout.title} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(END, from);
    if (from < 0 || to < 0)
      throw new Error(`the document has no place for the layout ${JSON.stringify(layout.title)}`);
    return `${text.slice(0, from)}${begin}\n${layoutTable(layout)}\n${text.slice(to)}`;
  }, document);
}
