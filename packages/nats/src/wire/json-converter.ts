import { type Codec, CodecError, codecOfText } from '@mmfbus/codec';
import { jsonText } from '@mmfbus/codec/internal';
import { type Encoding, encodingTag } from './encoding.js';

/** What messages in JSON are encoded with, as headers say. */
const JSON_CODEC = 'json';
const FIRST_LENGTH = 1024;

/** Whether messages of that encoding are JSON. */
export function isJson(tag: string): boolean {
  return tag === JSON_CODEC || tag.startsWith(`${JSON_CODEC}:`);
}

/** Turns messages of a channel into JSON and back. What goes wrong is told in words, and not thrown. */
export class JsonConverter {
  /** What headers say of the JSON. */
  readonly tag: string;
  readonly #encoding: Encoding;
  #codec: Codec<unknown> | undefined;
  #scratch = new Uint8Array(FIRST_LENGTH);

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    this.tag = encodingTag({ codec: JSON_CODEC, schema: encoding.schema });
  }

  /** @returns a text where it cannot be done. */
  toJson(payload: Uint8Array): Uint8Array | string {
    try {
      return Buffer.from(jsonText(this.#codecOf().decode(payload, 0, payload.length)));
    } catch (error) {
      return problemOf(error);
    }
  }

  /** @returns a text where it cannot be done. */
  fromJson(payload: Uint8Array): Uint8Array | string {
    try {
      const value: unknown = JSON.parse(
        Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString(),
      );
      return this.#encode(value);
    } catch (error) {
      return problemOf(error);
    }
  }

  #codecOf(): Codec<unknown> {
    this.#codec ??= codecOfText(this.#encoding.codec, this.#encoding.schema);
    return this.#codec;
  }

  #encode(value: unknown): Uint8Array {
    for (;;) {
      try {
        return this.#scratch.slice(0, this.#codecOf().encode(value, this.#scratch, 0));
      } catch (error) {
        if (!(error instanceof CodecError) || error.code !== 'NO_ROOM') throw error;
        this.#scratch = new Uint8Array(Math.max(error.needed ?? 0, 2 * this.#scratch.length));
      }
    }
  }
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
