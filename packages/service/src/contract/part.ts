import { type Codec, CodecError, codecOf, msgpack, type Shape, unknown } from '@mmfbus/codec';
import type { MethodPart } from './service-contract.js';

/** The codec of no value: undefined in no bytes. */
const NOTHING: Codec<unknown> = {
  id: 'nothing',
  encode(value, _target, offset) {
    if (value === undefined) return offset;
    throw new CodecError('UNENCODABLE', `nothing: there is no place for ${typeof value}`);
  },
  decode(_source, start, end) {
    if (start === end) return undefined;
    throw new CodecError('UNDECODABLE', `nothing: ${end - start} bytes where there is no value`);
  },
};

/** No value. */
export const NO_PART: MethodPart = Object.freeze({
  kind: 'none',
  codec: NOTHING,
  shape: undefined,
  isValidated: false,
});

/** A value of that shape, or a stream of such. The codec is made when it is first read: few programs call all methods. */
export function shapedPart(kind: 'value' | 'stream', shape: Shape): MethodPart {
  return new LazyPart(kind, shape, false, () => {
    const codec = codecOf(shape);
    return hasViews(shape.node) ? fromCopies(codec) : codec;
  });
}

/** Whether decoded values of that shape are views of what they were decoded from: it has `bytes({ copy: false })`. */
function hasViews(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  const { kind, copy } = node as { readonly kind?: unknown; readonly copy?: unknown };
  return (kind === 'bytes' && copy === false) || Object.values(node).some(hasViews);
}

/** The same codec, for bytes that are used again after the decoding: calls outlive the turn in which they are read. */
function fromCopies(codec: Codec<unknown>): Codec<unknown> {
  return {
    ...codec,
    decode: (source, start, end) => codec.decode(source.slice(start, end), 0, end - start),
  };
}

/** The same for values that a validator checks which is no shape. */
export function validatedPart(
  kind: 'value' | 'stream',
  makeCodec: () => Codec<unknown> = () => msgpack(),
): MethodPart {
  return new LazyPart(kind, unknown(), true, makeCodec);
}

class LazyPart implements MethodPart {
  readonly kind: 'value' | 'stream';
  readonly shape: Shape;
  readonly isValidated: boolean;
  readonly #makeCodec: () => Codec<unknown>;
  #codec: Codec<unknown> | undefined;

  constructor(kind: 'value' | 'stream', shape: Shape, isValidated: boolean, makeCodec: () => Codec<unknown>) {
    this.kind = kind;
    this.shape = shape;
    this.isValidated = isValidated;
    this.#makeCodec = makeCodec;
  }

  get codec(): Codec<unknown> {
    this.#codec ??= this.#makeCodec();
    return this.#codec;
  }
}
