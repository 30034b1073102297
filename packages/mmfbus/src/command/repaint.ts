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
    // What does not fit on the screen cannot be taken away again.
    const lines = out.isTerminal ? text.split('\n').slice(0, out.rows - 1) : [text];
    await out.write(`${out.isTerminal ? UP_AND_CLEAR(shown) : ''}${lines.join('\n')}\n`);
    shown = lines.length;
  } while (await pause(period, signal));
}
