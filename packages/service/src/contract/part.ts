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
  return new LazyPart(kind, shape, false, () => codecOf(shape));
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
