const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Control characters, line and paragraph separators, and what changes the direction of the text that follows. */
const UNSHOWABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A private copy of text that others wrote, padded with zeros, fit to be shown on a terminal: what is no UTF-8 is replaced by U+FFFD, and
 * what a terminal might obey stands as an escape, such as `\u{1b}`.
 */
export function showableText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  return text.replace(UNSHOWABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
