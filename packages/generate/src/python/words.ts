/** Names that Python keeps for itself, and those that every class or module of the generated code has. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if ' +
    'import in is lambda nonlocal not or pass raise return try while with yield match case type self ' +
    'int float str bool bytes list dict to_msgpack from_msgpack field'
  ).split(' '),
);

/** Types that are in scope already. */
export const RESERVED_TYPES: ReadonlySet<string> = new Set(
  'False None True Any Literal Optional Union ClassVar'.split(' '),
);

/** A text as a string literal. */
export function literal(text: string): string {
  const inside = [...text].map((character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    if (/^[\x20-\x7e]$/.test(character)) return character;
    const digits = character.codePointAt(0)!.toString(16);
    return digits.length <= 4 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
  });
  return `"${inside.join('')}"`;
}
