/** Names that C, C++ or the headers that are included keep for themselves. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    'alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class co_await ' +
    'co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do ' +
    'double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace ' +
    'new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict ' +
    'return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try ' +
    'typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq ' +
    'errno stdin stdout stderr unix linux near far small interface'
  ).split(' '),
);

/** A text as a string literal, in UTF-8. */
export function literal(text: string): string {
  let inside = '';
  for (const byte of Buffer.from(text, 'utf8')) inside += literalByte(byte);
  return `"${inside}"`;
}

function literalByte(byte: number): string {
  const character = String.fromCharCode(byte);
  // A question mark could begin a trigraph. Octal digits, unlike others, end after three.
  if (character === '"' || character === '\\' || character === '?') return `\\${character}`;
  return byte >= 0x20 && byte < 0x7f ? character : `\\${byte.toString(8).padStart(3, '0')}`;
}

/** Bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** The limits of an integer as constants. */
export function integerLiteral(value: number): string {
  return value < 0 ? `INT64_C(${value})` : value > 0x7fff_ffff ? `UINT64_C(${value})` : String(value);
}
