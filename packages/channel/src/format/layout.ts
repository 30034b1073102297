/** Sizes of the types that fields have, bytes. All numbers are little-endian. */
const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8 } as const;

/** `u8[n]` is n bytes. */
export type FieldType = keyof typeof SIZES | `u8[${number}]`;

/** One field of a region. */
export interface Field<Name extends string = string> {
  readonly name: Name;
  readonly type: FieldType;
  readonly meaning: string;
  readonly values: FieldValues;
}

/** The values that a field may have, by the names of their constants: each number, and what it means. */
export type FieldValues = Readonly<Record<string, readonly [value: number, meaning: string]>>;

/** A field with its place. */
export interface PlacedField extends Field {
  /** Bytes from the start of the region. */
  readonly offset: number;
  readonly length: number;
}

/** One binary region: the source of the constants in code of any language, and of its table in FORMAT.md. */
export interface Layout<Name extends string = string> {
  readonly title: string;
  readonly fields: readonly PlacedField[];
  /** Bytes of the region. */
  readonly length: number;
  /** Bytes from the start of the region to the field. */
  offsetOf(name: Name): number;
}

function sizeOf(type: FieldType): number {
  return type in SIZES ? SIZES[type as keyof typeof SIZES] : Number(/\d+(?=\]$)/.exec(type)?.[0]);
}

/** Short for a {@link Field}. */
export function field<const Name extends string>(
  name: Name,
  type: FieldType,
  meaning: string,
  values: FieldValues = {},
): Field<Name> {
  return { name, type, meaning, values };
}

/** Declared room that is always written as zero. */
export function spare(length: number): Field<never> {
  return { name: 'spare' as never, type: `u8[${length}]`, meaning: 'zero', values: {} };
}

/** Places each field behind the one before it. */
export function layout<Name extends string>(title: string, fields: readonly Field<Name>[]): Layout<Name> {
  const placed: PlacedField[] = [];
  let length = 0;
  for (const next of fields) {
    const size = sizeOf(next.type);
    const alignment = next.type.startsWith('u8') ? 1 : size;
    if (length % alignment !== 0)
      throw new Error(`${title}: ${next.name} at ${length} is not aligned to ${alignment}`);
    placed.push({ ...next, offset: length, length: size });
    length += size;
  }
  return {
    title,
    fields: placed,
    length,
    offsetOf: (name) => placed.find((candidate) => candidate.name === name)?.offset as number,
  };
}
