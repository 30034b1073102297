/** Control characters, separators of lines, and what changes the direction of the text that follows; and half characters. */
const UNSHOWABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Text of others, fit to be shown on one line of a terminal: what a terminal might obey stands as an escape, such as `\u{1b}`. */
export function visible(text: string): string {
  return text.replace(UNSHOWABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Text cut to that many characters, the last of them an ellipsis where it was longer. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = length - 1;
  const last = text.charCodeAt(end - 1);
  // Not within a character.
  return `${text.slice(0, last >= 0xd800 && last < 0xdc00 ? end - 1 : end)}…`;
}
