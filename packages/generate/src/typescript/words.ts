/** Names that TypeScript keeps for itself in a module. */
const RESERVED_WORDS: readonly string[] = (
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
  'finally for function if implements import in instanceof interface let new null package private protected public return ' +
  'static super switch this throw true try typeof undefined var void while with yield'
).split(' ');

/** The functions of `mmfbus` that generated code calls. */
export const FUNCTIONS = [
  'array',
  'boolean',
  'bytes',
  'codecOf',
  'f32',
  'f64',
  'i16',
  'i32',
  'i64',
  'i8',
  'map',
  'nullable',
  'oneOf',
  'optional',
  'record',
  'string',
  'struct',
  'timestamp',
  'u16',
  'u32',
  'u64',
  'u8',
  'union',
  'unknown',
] as const;

/** The functions of `@mmfbus/service` that generated code calls. */
export const SERVICE_FUNCTIONS = ['defineService', 'method', 'nothing', 'stream'] as const;

/** Names that no constant of the generated code can have. */
export const RESERVED: ReadonlySet<string> = new Set([...RESERVED_WORDS, ...FUNCTIONS, ...SERVICE_FUNCTIONS]);

/** Types that are in scope already. */
export const RESERVED_TYPES: ReadonlySet<string> = new Set(['Infer']);

/** A text as a string literal. */
export function literal(text: string): string {
  const inside = text.replace(/['\\]|[^\x20-\x7e]/g, (unit) =>
    unit === "'" || unit === '\\' ? `\\${unit}` : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `'${inside}'`;
}

/** The name of a property, quoted where it is no identifier. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
}
