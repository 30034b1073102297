import { createInterface } from 'node:readline';

/** The lines of the standard input that are not empty, each with its number. */
export async function* inputLines(
  signal: AbortSignal,
): AsyncGenerator<{ readonly text: string; readonly line: number }> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal });
  try {
    let line = 0;
    for await (const text of lines) {
      line++;
      if (text.trim() !== '') yield { text, line };
    }
  } finally {
    lines.close();
  }
}
