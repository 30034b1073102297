/** A JSON Schema. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Which JSON Schema to make: these two. */
export type JsonSchemaTarget = 'draft-2020-12' | 'draft-07' | (string & {});

/** The name that the registry of OpenAPI has for an integer. */
export const INTEGER_FORMATS = {
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
} as const;
