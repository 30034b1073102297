export type { Codec, CodecSchema } from './codec.js';
export { codecOfText } from './codec-of-text.js';
export { CodecError, type CodecErrorCode } from './errors.js';
export { type JsonOptions, json } from './json.js';
export { type MsgpackOptions, msgpack } from './msgpack.js';
export { type RawOptions, raw } from './raw.js';
export { codecOf, type ShapeCodec } from './shape/codec-of.js';
export {
  type ArrayOptions,
  array,
  type Fields,
  map,
  nullable,
  type OptionalField,
  optional,
  record,
  type StructOf,
  struct,
  type UnionOf,
  union,
} from './shape/containers.js';
export { type DifferenceOptions, difference } from './shape/difference.js';
export { canonicalText, fingerprint } from './shape/fingerprint.js';
export { fromJsonSchema, toJsonSchema } from './shape/from-json-schema.js';
export { shapeFromText } from './shape/from-text.js';
export type { JsonSchema, JsonSchemaTarget } from './shape/json-schema.js';
export type {
  ArrayNode,
  BigintNode,
  BytesNode,
  FieldNode,
  FloatNode,
  IntegerNode,
  IntegerType,
  KeyNode,
  MapNode,
  NullableNode,
  OneOfNode,
  PlainNode,
  ShapeNode,
  StringNode,
  StructNode,
  UnionNode,
  VariantNode,
} from './shape/node.js';
export {
  type BytesOptions,
  boolean,
  bytes,
  f32,
  f64,
  type Integer64Options,
  type IntegerOptions,
  i8,
  i16,
  i32,
  i64,
  oneOf,
  type StringOptions,
  string,
  timestamp,
  u8,
  u16,
  u32,
  u64,
  unknown,
} from './shape/scalars.js';
export type { ShapeOptions } from './shape/settings.js';
export type { Infer, Shape } from './shape/shape.js';
export type {
  StandardIssue,
  StandardOutput,
  StandardResult,
  StandardSchema,
} from './shape/standard-schema.js';
export { validated } from './validated.js';
