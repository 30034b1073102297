import { basename } from 'node:path';
import { NAME_LENGTH } from '../format/participant-layout.js';

/** What the directory calls this process: its program, cut where needed, and its language. */
export function programName(): string {
  const language = ' (node)';
  const program = Buffer.from(basename(process.argv[1] ?? process.execPath));
  let length = Math.min(program.length, NAME_LENGTH - language.length);
  // Not within a character.
  while (length > 0 && length < program.length && ((program[length] as number) & 0xc0) === 0x80) length--;
  return program.toString('utf8', 0, length) + language;
}
