import { jsonText } from '@mmfbus/codec/internal';
import { printable } from '@mmfbus/terminal';

/** A value as JSON on one line, as `jsonText` writes it. What a terminal might obey is escaped, which JSON reads as the same text. */
export function jsonLine(value: unknown): string {
  return printable(jsonText(value));
}
