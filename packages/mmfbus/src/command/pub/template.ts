import { UsageError } from '@mmfbus/terminal';
import { suggestion } from '../spelling.js';

/** `{{name}}`, or `{{name 1 6}}`. */
const HOLE = /\{\{\s*([A-Za-z]\w*)((?:\s+-?\d+(?:\.\d+)?)*)\s*\}\}/g;

type Filler = (sequence: number, args: readonly number[]) => string;

const FILLERS: Readonly<Record<string, Filler>> = {
  seq: (sequence) => String(sequence),
  now: () => String(Date.now()),
  time: () => new Date().toISOString(),
  random: (_, [least, most]) => {
    if (least === undefined) return String(Math.random());
    if (most === undefined || most < least || !Number.isInteger(least) || !Number.isInteger(most)) {
      throw new UsageError(
        '{{random}} takes two whole numbers, as in {{random 1 6}}, or none for one from 0 to 1',
      );
    }
    return String(least + Math.floor(Math.random() * (most - least + 1)));
  },
};

/** A text whose holes are filled anew for each message. */
export type Template = (sequence: number) => string;

/**
 * Reads a template: `{"id": {{seq}}, "at": {{now}}, "eyes": {{random 1 6}}}`. What stands in `{{ }}` is filled in, the rest is left as it
 * is.
 *
 * @throws {UsageError} for a hole that nothing fills.
 */
export function templateOf(text: string): Template {
  for (const [, name = ''] of text.matchAll(HOLE)) {
    if (Object.hasOwn(FILLERS, name)) continue;
    throw new UsageError(
      `there is no {{${name}}}, only ${Object.keys(FILLERS).join(', ')}${suggestion(name, Object.keys(FILLERS))}`,
    );
  }
  return (sequence) =>
    text.replace(HOLE, (_, name: string, args: string) => {
      const numbers = args.trim() === '' ? [] : args.trim().split(/\s+/).map(Number);
      return (FILLERS[name] as Filler)(sequence, numbers);
    });
}
