import { types } from 'node:util';
import { requireRange, requireRoom } from '../bounds.js';
import type { Codec, CodecSchema } from '../codec.js';
import { CodecError } from '../errors.js';
import { addEncodeInPlace } from '../in-place.js';
import { messageOf } from '../refusal.js';
import { copyBytes, mayChange } from '../word-bytes.js';
import { addWordFunctions } from '../word-codec.js';
import { canonicalTextOf } from './canonical.js';
import { ReadFunctions } from './closure-decode.js';
import { WriteFunctions } from './closure-encode.js';
import type { Write } from './closures.js';
import { differenceOf } from './difference.js';
import { type FastDecodes, generateDecode, type Progress } from './generate-decode.js';
import { type FastEncode, type FastEncodes, generateEncode } from './generate-encode.js';
import { type EncodeInPlace, generateInPlace } from './generate-in-place.js';
import { LastTexts, SHORTEST_WRITTEN } from './last-text.js';
import { Mismatch, unexpected } from './mismatch.js';
import type { ShapeNode } from './node.js';
import { Reader } from './reader.js';
import { requireShape } from './require-shape.js';
import { checkSettings, type Settings, type ShapeOptions } from './settings.js';
import type { Infer, Shape } from './shape.js';
import { hasAtMostParts, requireUsable, sizeLimit } from './usable.js';
import { Writer } from './writer.js';

/** The codec of a shape. */
export interface ShapeCodec<T> extends Codec<T> {
  /** The shape. */
  readonly shape: Shape<T>;
  /** The shape's text, and the comparison with another's text. */
  readonly schema: CodecSchema;
  /** Bytes that a value takes at most; `Infinity` where only the limits of {@link ShapeOptions} bound it. */
  readonly maxSize: number;
  /**
   * Whether its functions were generated. False where Node runs with `--disallow-code-generation-from-strings`, and for shapes of
   * more than 2,048 parts.
   */
  readonly generated: boolean;
}

/** Parts of a shape up to which functions are generated. Larger ones V8 takes long to compile, and does not optimise. */
const MOST_GENERATED_PARTS = 2048;

const made = new WeakMap<Shape, Map<string, ShapeCodec<unknown>>>();

/**
 * The codec of a shape: plain msgpack, by functions that are generated for this shape, once for each set of options.
 *
 * What it writes any reader of msgpack reads. It reads what any writer of msgpack makes of such a value: fields in any
 * order, further fields, integers and floats of any width that hold the same number; nil counts as missing where a field
 * is optional. The form in which it writes itself is read fastest.
 *
 * A value that is not of the simplest form is read twice in an encode, getters included: what is written is the second reading. A `Map`
 * that changes meanwhile is refused.
 *
 * @returns a codec with the id `msgpack`, or `msgpack-array` with the option `layout: 'array'`. Its errors are those of
 * {@link Codec}, and name the place: `legs[2].price: expected f64, got string "x"`.
 * @throws {@link CodecError} `INVALID_SHAPE` for options out of range, for shapes deeper than `maxDepth`, and with
 * `layout: 'array'` for optional fields that are nullable or unknown, where nil would have two meanings.
 */
export function codecOf<S extends Shape>(shape: S, options: ShapeOptions = {}): ShapeCodec<Infer<S>> {
  requireShape('what codecOf() takes', shape);
  const settings = checkSettings(options);
  const key = JSON.stringify(settings);
  let codecs = made.get(shape);
  if (codecs === undefined) {
    codecs = new Map();
    made.set(shape, codecs);
  }
  let codec = codecs.get(key);
  if (codec === undefined) {
    requireUsable(shape.node, settings);
    codec = makeCodec(shape, settings);
    codecs.set(key, codec);
  }
  return codec as ShapeCodec<Infer<S>>;
}

interface FastFunctions {
  readonly encodes: FastEncodes;
  readonly decodes: FastDecodes;
  readonly inPlace: EncodeInPlace | undefined;
}

function makeCodec(shape: Shape, settings: Settings): ShapeCodec<unknown> {
  const { node } = shape;
  const id = settings.layout === 'map' ? 'msgpack' : 'msgpack-array';
  const { maxSize } = settings;
  const write = new WriteFunctions(settings).of(node);
  const reads = new ReadFunctions(settings);
  const read = reads.of(node);
  const progress: Progress = { position: 0 };
  const lastTexts = new LastTexts(SHORTEST_WRITTEN);
  const fast = generate(node, () => ({
    encodes: generateEncode(node, settings, lastTexts),
    decodes: generateDecode(node, reads, progress),
    inPlace: generateInPlace(node, settings, lastTexts),
  }));
  const text = canonicalTextOf(node);

  const encodeSlowly = (value: unknown, target: Uint8Array, offset: number): number => {
    const writer = writeSlowly(write, value, maxSize);
    requireRoom(id, target, offset, writer.position);
    copyBytes(writer.bytes, 0, writer.position, target, offset);
    return offset + writer.position;
  };

  const codec: ShapeCodec<unknown> = {
    id,
    shape,
    schema: {
      text,
      difference: (there) => differenceOf(node, there, { layout: settings.layout }),
    },
    maxSize: sizeLimit(node, settings),
    generated: fast !== undefined,
    encode(value, target, offset) {
      // The unsigned shift lets through only what can be an index.
      if (fast !== undefined && offset >>> 0 === offset && types.isUint8Array(target)) {
        const end = tryEncode(fast.encodes.any, value, target, offset);
        if (end >= 0 && end - offset <= maxSize && end <= target.length) return end;
      }
      return encodeSlowly(value, target, offset);
    },
    decode(source, start, end) {
      requireRange(id, source, start, end);
      if (mayChange(source)) return codec.decode(new Uint8Array(source.subarray(start, end)), 0, end - start);
      if (fast !== undefined && end - start <= maxSize) {
        try {
          const value = fast.decodes.any(source, start, end);
          if (progress.position === end) return value;
        } catch {
          // The long way says what it was, and where.
        }
      }
      return readSlowly(read, new Reader(source, start, end), maxSize);
    },
  };
  if (fast === undefined) return codec;
  if (fast.inPlace !== undefined) addEncodeInPlace(codec, fast.inPlace);
  const { encodes, decodes } = fast;
  return addWordFunctions(codec, {
    encode(value, target, offset) {
      const end = tryEncode(encodes.words, value, target, offset);
      if (end >= 0 && end - offset <= maxSize && end <= target.length) return end;
      return encodeSlowly(value, target, offset);
    },
    decode(source, start, end) {
      if (end - start <= maxSize) {
        try {
          const value = decodes.words(source, start, end);
          if (progress.position === end) return value;
        } catch {
          // The long way says what it was, and where.
        }
      }
      return codec.decode(source, start, end);
    },
  });
}

function generate(node: ShapeNode, functions: () => FastFunctions): FastFunctions | undefined {
  if (!hasAtMostParts(node, MOST_GENERATED_PARTS)) return undefined;
  try {
    return functions();
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

/** Getters and proxies of the value may throw. They will do so again on the long way. */
function tryEncode<Target extends Uint8Array>(
  encode: FastEncode<Target>,
  value: unknown,
  target: Target,
  offset: number,
): number {
  try {
    return encode(value, target, offset, target.length);
  } catch (error) {
    if (error instanceof Mismatch) throw error.toCodecError('UNENCODABLE');
    return -1;
  }
}

function writeSlowly(write: Write, value: unknown, maxSize: number): Writer {
  const writer = new Writer(maxSize);
  try {
    write(value, writer);
    if (writer.position > maxSize) throw unexpected(`at most ${maxSize} bytes`, `${writer.position}`);
    return writer;
  } catch (error) {
    throw toCodecError('UNENCODABLE', error);
  }
}

function readSlowly(read: (reader: Reader) => unknown, reader: Reader, maxSize: number): unknown {
  const size = reader.end - reader.position;
  try {
    if (size > maxSize) throw unexpected(`at most ${maxSize} bytes`, `${size}`);
    const value = read(reader);
    const left = reader.end - reader.position;
    if (left > 0) throw new Mismatch(`${left} bytes follow it`);
    return value;
  } catch (error) {
    throw toCodecError('UNDECODABLE', error);
  }
}

function toCodecError(code: 'UNENCODABLE' | 'UNDECODABLE', thrown: unknown): CodecError {
  if (thrown instanceof Mismatch) return thrown.toCodecError(code);
  return new CodecError(code, `value: ${messageOf(thrown)}`, { cause: thrown });
}
