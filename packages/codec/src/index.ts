export type { Codec, CodecSchema } from './codec.js';
export { CodecError, type CodecErrorCode } from './errors.js';
export { json } from './json.js';
export { type MsgpackOptions, msgpack } from './msgpack.js';
export { raw } from './raw.js';
