import { types } from 'node:util';
import type { CodecError } from '../errors.js';
import { msgpack } from '../msgpack.js';
import { byteLengthOf, copyUserBytes, isDetached } from '../user-bytes.js';
import { entriesOfMap, sizeOfMap } from '../user-map.js';
import type { Write, Writes } from './closures.js';
import { INTEGER_SIZE, writeInteger } from './integer-bytes.js';
import { changedMap, describeValue, foundIn, Mismatch, unexpected } from './mismatch.js';
import {
  type ArrayNode,
  BIGINT_RANGES,
  type BigintNode,
  type BytesNode,
  type FloatNode,
  type IntegerNode,
  type MapNode,
  nameOf,
  type OneOfNode,
  type ShapeNode,
  type StringNode,
  visit,
} from './node.js';
import { bigInt64, float32, float64, putUint32, putWords, words } from './number-bytes.js';
import type { Settings } from './settings.js';
import { structWrite, unionWrite } from './struct-encode.js';
import { hasAtMost } from './text.js';
import { TIMESTAMP_SIZE, writeTimestamp } from './timestamp-bytes.js';
import type { Writer } from './writer.js';

/** Makes the functions that write the nodes of a shape: one for each node, however often the node is used. */
export class WriteFunctions implements Writes {
  readonly settings: Settings;
  readonly #made = new Map<ShapeNode, Write>();

  constructor(settings: Settings) {
    this.settings = settings;
  }

  of(node: ShapeNode): Write {
    const known = this.#made.get(node);
    if (known !== undefined) return known;
    const write = this.#make(node);
    this.#made.set(node, write);
    return write;
  }

  #make(node: ShapeNode): Write {
    const { settings } = this;
    return visit(node, {
      integer: integerWrite,
      bigint: bigintWrite,
      float: (float) => (float.type === 'f64' ? writeFloat64 : floatWrite(float)),
      boolean: () => writeBoolean,
      timestamp: () => writeDate,
      unknown: () => unknownWrite(settings),
      string: (string) => stringWrite(string, settings),
      bytes: (bytes) => bytesWrite(bytes, settings),
      oneOf: oneOfWrite,
      nullable: ({ of }) => {
        const write = this.of(of);
        return (value, writer) => (value === null ? writer.byte(0xc0) : write(value, writer));
      },
      array: (array) => arrayWrite(array, this.of(array.item), settings),
      map: (map) => mapWrite(map, this.of(map.key), this.of(map.value), settings),
      struct: (struct) => structWrite(struct, this),
      union: (union) => unionWrite(union, this),
    });
  }
}

function integerWrite(node: IntegerNode): Write {
  const { min, max } = node;
  const expected = nameOf(node);
  return (value, writer) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw unexpected(expected, describeValue(value));
    }
    writer.require(INTEGER_SIZE);
    writer.position = writeInteger(value, writer.bytes, writer.position);
  };
}

function bigintWrite(node: BigintNode): Write {
  const [min, max] = BIGINT_RANGES[node.type];
  const token = node.type === 'u64' ? 0xcf : 0xd3;
  return (value, writer) => {
    if (typeof value !== 'bigint') throw unexpected(`${node.type} as a bigint`, describeValue(value));
    if (value < min || value > max) throw unexpected(node.type, describeValue(value));
    writer.require(9);
    bigInt64[0] = value;
    writer.bytes[writer.position] = token;
    putWords(writer.bytes, writer.position + 1);
    writer.position += 9;
  };
}

function writeFloat64(value: unknown, writer: Writer): void {
  if (typeof value !== 'number') throw unexpected('f64', describeValue(value));
  writer.require(9);
  float64[0] = value;
  writer.bytes[writer.position] = 0xcb;
  putWords(writer.bytes, writer.position + 1);
  writer.position += 9;
}

function floatWrite(node: FloatNode): Write {
  return (value, writer) => {
    if (typeof value !== 'number' || (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))) {
      throw unexpected(node.type, describeValue(value));
    }
    writer.require(5);
    float32[0] = value;
    writer.bytes[writer.position] = 0xca;
    putUint32(writer.bytes, writer.position + 1, words[0]!);
    writer.position += 5;
  };
}

function writeBoolean(value: unknown, writer: Writer): void {
  if (typeof value !== 'boolean') throw unexpected('boolean', describeValue(value));
  writer.byte(value ? 0xc3 : 0xc2);
}

function writeDate(value: unknown, writer: Writer): void {
  if (!types.isDate(value)) throw unexpected('timestamp (a Date)', describeValue(value));
  const time = Date.prototype.getTime.call(value);
  if (Number.isNaN(time)) throw unexpected('timestamp (a Date)', 'an invalid Date');
  writer.require(TIMESTAMP_SIZE);
  writer.position = writeTimestamp(time, writer.bytes, writer.position);
}

function unknownWrite({ maxItems, maxDepth }: Settings): Write {
  const codec = msgpack({ maxItems, maxDepth });
  return (value, writer) => {
    for (;;) {
      const start = writer.position;
      try {
        const end = codec.encode(value, writer.bytes, start);
        writer.position = end;
        return;
      } catch (error) {
        const { needed, message } = error as CodecError;
        if (needed === undefined) throw new Mismatch(message, { cause: error });
        writer.require(needed);
      }
    }
  };
}

function stringWrite({ maxLength }: StringNode, { maxTextBytes }: Settings): Write {
  return (value, writer) => {
    if (typeof value !== 'string') throw unexpected('string', describeValue(value));
    if (maxLength !== undefined && !hasAtMost(value, maxLength)) {
      throw unexpected(`string of at most ${maxLength} characters`, describeValue(value));
    }
    if (value.length > maxTextBytes) {
      throw unexpected(`string of at most ${maxTextBytes} bytes`, `one of ${value.length} characters`);
    }
    const length = writer.text(value);
    if (length === undefined) throw unexpected('string', 'one with a lone surrogate');
    if (length > maxTextBytes) {
      throw unexpected(`string of at most ${maxTextBytes} bytes`, `one of ${length}`);
    }
  };
}

function bytesWrite(node: BytesNode, { maxBinaryBytes }: Settings): Write {
  const most = Math.min(node.maxLength ?? maxBinaryBytes, maxBinaryBytes);
  return (value, writer) => {
    if (!types.isUint8Array(value)) throw unexpected('bytes (a Uint8Array)', describeValue(value));
    if (isDetached(value)) throw unexpected('bytes (a Uint8Array)', 'one that was detached');
    const length = byteLengthOf(value);
    if (length > most) throw unexpected(`at most ${most} bytes`, `${length}`);
    writer.header(length, 0, [0xc4, 0xc5, 0xc6]);
    writer.require(length);
    copyUserBytes(value, length, writer.bytes, writer.position);
    writer.position += length;
  };
}

function oneOfWrite(node: OneOfNode): Write {
  const expected = nameOf(node);
  const known = new Set<unknown>(node.values);
  return (value, writer) => {
    if (!known.has(value)) throw unexpected(expected, describeValue(value));
    writer.text(value as string);
  };
}

function arrayWrite(node: ArrayNode, write: Write, { maxItems }: Settings): Write {
  const most = Math.min(node.maxItems ?? maxItems, maxItems);
  return (value, writer) => {
    if (!Array.isArray(value)) throw unexpected('array', describeValue(value));
    const length: unknown = value.length;
    if (typeof length !== 'number' || length >>> 0 !== length)
      throw unexpected('array', 'one without a length');
    if (length > most) throw unexpected(`array of at most ${most} items`, `one of ${length}`);
    writer.arrayHeader(length);
    for (let index = 0; index < length; index += 1) {
      try {
        write(value[index], writer);
      } catch (error) {
        throw foundIn(error, index);
      }
    }
  };
}

function mapWrite(node: MapNode, writeKey: Write, writeValue: Write, { maxItems }: Settings): Write {
  const entriesOf = node.as === 'map' ? allEntries : entriesOfObject;
  return (value, writer) => {
    const entries = entriesOf(value);
    if (entries.length > maxItems) {
      throw unexpected(`map of at most ${maxItems} entries`, `one of ${entries.length}`);
    }
    writer.mapHeader(entries.length);
    for (const [key, item] of entries) {
      try {
        writeKey(key, writer);
        writeValue(item, writer);
      } catch (error) {
        throw foundIn(error, typeof key === 'symbol' ? 'a symbol' : String(key));
      }
    }
    if (node.as === 'map' && sizeOfMap(value as Map<unknown, unknown>) !== entries.length) throw changedMap();
  };
}

function allEntries(value: unknown): [unknown, unknown][] {
  if (!types.isMap(value)) throw unexpected('map (a Map)', describeValue(value));
  return [...entriesOfMap(value)];
}

function entriesOfObject(value: unknown): [unknown, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isMap(value)) {
    throw unexpected('record (an object)', describeValue(value));
  }
  const entries = Object.entries(value);
  if (Object.hasOwn(value, '__proto__'))
    throw foundIn(new Mismatch('a key that is not allowed'), '__proto__');
  return entries;
}
