import { entryLayout, noticeLayout } from './directory-layout.js';
import { fragmentLayout } from './fragment-layout.js';
import { frameLayout } from './frame-layout.js';
import { headerLayout } from './header-layout.js';
import type { Layout } from './layout.js';
import { participantLayout } from './participant-layout.js';

const BEGIN = '<!-- layout: ';
const END = '<!-- end of layout -->';

/** A layout as a table in Markdown. */
function layoutTable({ fields, length }: Layout): string {
  const rows = fields.map(
    ({ offset, length, type, name, meaning }) => `| ${offset} | ${length} | ${type} | ${name} | ${meaning} |`,
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
  const layouts = [headerLayout, participantLayout, frameLayout, fragmentLayout, entryLayout, noticeLayout];
  return layouts.reduce((text, layout) => {
    const begin = `${BEGIN}${layout.title} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(END, from);
    if (from < 0 || to < 0)
      throw new Error(`the document has no place for the layout ${JSON.stringify(layout.title)}`);
    return `${text.slice(0, from)}${begin}\n${layoutTable(layout)}\n${text.slice(to)}`;
  }, document);
}
