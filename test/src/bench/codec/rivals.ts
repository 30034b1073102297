import { codecOf } from '@mmfbus/codec';
import { Decoder, Encoder } from '@msgpack/msgpack';
import { Packr } from 'msgpackr';
import protobuf from 'protobufjs';
import type { BenchCase } from './cases.js';

/** A library that turns values into bytes and back. */
export interface Rival {
  readonly name: string;
  /** Returns the bytes where that is how it works, or writes them to memory that it was given. */
  readonly encode: (value: object) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

/** All that are measured: ourselves first. Each in the way that its documentation calls fast. */
export function rivalsFor(bench: BenchCase): Rival[] {
  return [
    ours(bench),
    msgpackr('msgpackr maps', new Packr({ useRecords: false })),
    msgpackr('msgpackr records', new Packr({ useRecords: true, structures: [] })),
    msgpackJavaScript(),
    {
      name: 'JSON',
      encode: (value) => Buffer.from(JSON.stringify(value)),
      decode: (bytes) => JSON.parse((bytes as Buffer).toString()),
    },
    protobufjs(bench),
  ];
}

/** What is handed to it to write to, as a channel does; a view of the bytes is made only when it is asked for. */
function ours({ shape }: BenchCase): Rival {
  const codec = codecOf(shape);
  const target = new Uint8Array(64 * 1024);
  return {
    name: 'shape',
    encode: (value) => {
      end = codec.encode(value, target, 0);
      return target;
    },
    decode: (bytes) => codec.decode(bytes, 0, bytes.length),
  };
}

/** Where the last encoding of ours ended. */
export let end = 0;

function msgpackr(name: string, packr: Packr): Rival {
  return { name, encode: (value) => packr.pack(value), decode: (bytes) => packr.unpack(bytes) };
}

function msgpackJavaScript(): Rival {
  const encoder = new Encoder();
  const decoder = new Decoder();
  return {
    name: '@msgpack/msgpack',
    encode: (value) => encoder.encodeSharedRef(value),
    decode: (bytes) => decoder.decode(bytes),
  };
}

function protobufjs({ messages }: BenchCase): Rival {
  const root = new protobuf.Root();
  for (const [name, fields] of Object.entries(messages)) {
    const type = new protobuf.Type(name);
    for (const [index, [field, text]] of Object.entries(fields).entries()) {
      const [rule, kind] = text.startsWith('repeated ') ? ['repeated', text.slice(9)] : [undefined, text];
      type.add(new protobuf.Field(field, index + 1, kind!, rule));
    }
    root.add(type);
  }
  const type = root.lookupType('Root');
  return {
    name: 'protobufjs',
    encode: (value) => type.encode(value as { [key: string]: unknown }).finish(),
    decode: (bytes) => type.decode(bytes),
  };
}
