import { stripVTControlCharacters } from 'node:util';
import type { Output } from './output.js';
import { pause } from './pause.js';

const UP_AND_CLEAR = (lines: number) => `${lines > 0 ? `\x1b[${lines}A` : ''}\r\x1b[J`;

/**
 * Shows a text in place of the one before, once in that many milliseconds, until the signal aborts. Where the output is no terminal, the
 * texts follow one another.
 */
export async function repaint(
  out: Output,
  signal: AbortSignal,
  period: number,
  look: () => Promise<string>,
): Promise<void> {
  let shown = 0;
  do {
    const text = await look();
    const { lines, rows } = out.isTerminal ? onScreen(text, out) : { lines: [text], rows: 0 };
    await out.write(`${out.isTerminal ? UP_AND_CLEAR(shown) : ''}${lines.join('\n')}\n`);
    shown = rows;
  } while (await pause(period, signal));
}

/** The lines that fit on the screen, and the rows that they take: what does not fit cannot be taken away again. */
function onScreen(
  text: string,
  { columns, rows: most }: Output,
): { readonly lines: readonly string[]; readonly rows: number } {
  const lines: string[] = [];
  let rows = 0;
  for (const line of text.split('\n')) {
    const taken = Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns));
    if (rows + taken >= most) break;
    lines.push(line);
    rows += taken;
  }
  return { lines, rows };
}
