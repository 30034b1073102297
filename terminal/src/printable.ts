/**
 * What a terminal might obey, or what changes how the text around it looks: controls (C0, C1), line and paragraph separators, marks
 * that change the direction of text, characters without a width, halves of surrogate pairs, and private ones.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** The escapes of JSON with a letter. */
const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/**
 * A text of whatever origin, fit to be shown on one line of a terminal: what a terminal might obey, and what cannot be seen, stands as an
 * escape of JSON, such as `\u001b`.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => SHORT[character] ?? escaped(character));
}

/** A text in quotes, as JSON has it, and {@link printable}. */
export function quoted(text: string): string {
  return `"${printable(text.replace(/["\\]/g, '\\$&'))}"`;
}

function escaped(character: string): string {
  let units = '';
  for (let index = 0; index < character.length; index += 1) {
    units += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return units;
}
