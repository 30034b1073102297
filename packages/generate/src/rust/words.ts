/** Names that Rust keeps for itself. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    'abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl in ' +
    'let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof ' +
    'unsafe unsized use virtual where while yield union'
  ).split(' '),
);

/** Types and variants that are in scope already. */
export const RESERVED_TYPES: ReadonlySet<string> = new Set(
  'Self String Vec BTreeMap Option Result Some None Ok Err Box Copy Clone Debug PartialEq Eq PartialOrd Ord Hash'.split(
    ' ',
  ),
);

/** A text as a string literal. */
export function literal(text: string): string {
  const inside = [...text].map((character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return /^[\x20-\x7e]$/.test(character) ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
  return `"${inside.join('')}"`;
}
