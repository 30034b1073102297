import { createReader } from '../msgpack-decode.js';
import { ownCopy } from '../own-copy.js';
import type { Read, Reads } from './closures.js';
import { greatest } from './layout.js';
import { foundIn, Mismatch, unexpected } from './mismatch.js';
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
import type { Reader } from './reader.js';
import type { Settings } from './settings.js';
import { structRead, unionRead } from './struct-decode.js';
import { hasAtMost, isFaithful, readText } from './text.js';
import { readTimestamp } from './timestamp-bytes.js';

/** Makes the functions that read the nodes of a shape: one for each node, however often the node is used. */
export class ReadFunctions implements Reads {
  readonly settings: Settings;
  readonly #made = new Map<ShapeNode, Read>();

  constructor(settings: Settings) {
    this.settings = settings;
  }

  of(node: ShapeNode): Read {
    const known = this.#made.get(node);
    if (known !== undefined) return known;
    const read = this.#make(node);
    this.#made.set(node, read);
    return read;
  }

  #make(node: ShapeNode): Read {
    const { settings } = this;
    return visit(node, {
      integer: integerRead,
      bigint: bigintRead,
      float: floatRead,
      boolean: () => readBoolean,
      timestamp: () => readDate,
      unknown: () => unknownRead(settings),
      string: (string) => stringRead(string, settings),
      bytes: (bytes) => bytesRead(bytes, settings),
      oneOf: oneOfRead,
      nullable: (nullable) => {
        const read = this.of(nullable.of);
        const expected = nameOf(nullable);
        return (reader) => (reader.nil(expected) ? null : read(reader));
      },
      array: (array) => arrayRead(array, this.of(array.item), settings),
      map: (map) => mapRead(map, this.of(map.key), this.of(map.value), settings),
      struct: (struct) => structRead(struct, this),
      union: (union) => unionRead(union, this),
    });
  }
}

function integerRead(node: IntegerNode): Read {
  const { min, max } = node;
  const expected = nameOf(node);
  return (reader) => {
    const { position } = reader;
    const value = reader.number(expected);
    // Adding 0 makes 0 of a float's -0.
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
      return value + 0;
    reader.position = position;
    throw unexpected(expected, reader.describe());
  };
}

function bigintRead(node: BigintNode): Read {
  const [min, max] = BIGINT_RANGES[node.type];
  const expected = nameOf(node);
  return (reader) => {
    const { position } = reader;
    const number = reader.number(expected);
    if (typeof number === 'bigint' || Number.isInteger(number)) {
      const value = BigInt(number as bigint | number);
      if (value >= min && value <= max) return value;
    }
    reader.position = position;
    throw unexpected(expected, reader.describe());
  };
}

function floatRead(node: FloatNode): Read {
  const isSingle = node.type === 'f32';
  const expected = nameOf(node);
  return (reader) => {
    const { position } = reader;
    const number = reader.number(expected);
    if (number !== undefined) {
      const value = typeof number === 'bigint' && isSingle ? withSticky(number) : Number(number);
      const isExact = isSingle || typeof number === 'number' || BigInt(value) === number;
      const rounded = isSingle ? Math.fround(value) : value;
      if (isExact && (Number.isFinite(rounded) || !Number.isFinite(value))) return rounded;
    }
    reader.position = position;
    throw unexpected(expected, reader.describe());
  };
}

/** A double for an integer of 64 bits that it does not hold, near enough to be rounded to the float that is nearest to the integer. */
function withSticky(integer: bigint): number {
  return Number((integer & 0x7ffn) === 0n ? integer : ((integer >> 11n) | 1n) << 11n);
}

function readBoolean(reader: Reader): boolean {
  const token = reader.peek('boolean');
  if (token !== 0xc2 && token !== 0xc3) throw unexpected('boolean', reader.describe());
  reader.position += 1;
  return token === 0xc3;
}

function readDate(reader: Reader): Date {
  const { position } = reader;
  const length = reader.extensionLength('timestamp');
  if (length !== undefined && reader.bytes[reader.position] === 0xff) {
    const time = readTimestamp(reader.bytes, reader.position + 1, length);
    if (Number.isNaN(time)) throw new Mismatch('expected timestamp, got one that is no valid date');
    reader.position += 1 + length;
    return new Date(time);
  }
  reader.position = position;
  throw unexpected('timestamp', reader.describe());
}

function unknownRead({ maxItems, maxDepth }: Settings): Read {
  return createReader({ maxItems, maxDepth }, false);
}

function stringRead({ maxLength }: StringNode, { maxTextBytes, strictUtf8 }: Settings): Read {
  return (reader) => {
    const length = reader.textLength('string');
    if (length === undefined) throw unexpected('string', reader.describe());
    if (length > maxTextBytes) {
      throw unexpected(`string of at most ${maxTextBytes} bytes`, `one of ${length}`);
    }
    const { bytes, position } = reader;
    const text = readText(bytes, position, length);
    if (strictUtf8 && !isFaithful(text, bytes, position, length)) {
      throw unexpected('string', 'one that is not UTF-8');
    }
    if (maxLength !== undefined && !hasAtMost(text, maxLength)) {
      throw unexpected(`string of at most ${maxLength} characters`, 'a longer one');
    }
    reader.position = position + length;
    return text;
  };
}

function bytesRead(node: BytesNode, { maxBinaryBytes }: Settings): Read {
  const most = Math.min(node.maxLength ?? maxBinaryBytes, maxBinaryBytes);
  return (reader) => {
    const length = reader.binaryLength('bytes');
    if (length === undefined) throw unexpected('bytes', reader.describe());
    if (length > most) throw unexpected(`at most ${most} bytes`, `${length}`);
    const { bytes, position } = reader;
    reader.position = position + length;
    if (node.copy) return ownCopy(bytes, position, position + length);
    return new Uint8Array(bytes.buffer, bytes.byteOffset + position, length);
  };
}

function oneOfRead(node: OneOfNode): Read {
  const expected = nameOf(node);
  const known = new Set(node.values);
  // Of longer strings not even a part is read.
  const most = greatest(node.values.map((value) => Buffer.byteLength(value)));
  return (reader) => {
    const { position } = reader;
    const length = reader.textLength(expected);
    if (length !== undefined && length <= most) {
      const text = readText(reader.bytes, reader.position, length);
      reader.position += length;
      if (known.has(text)) return text;
    }
    reader.position = position;
    throw unexpected(expected, reader.describe());
  };
}

function arrayRead(node: ArrayNode, read: Read, { maxItems }: Settings): Read {
  const most = Math.min(node.maxItems ?? maxItems, maxItems);
  return (reader) => {
    const length = reader.arrayLength('array');
    if (length === undefined) throw unexpected('array', reader.describe());
    if (length > most) throw unexpected(`array of at most ${most} items`, `one of ${length}`);
    const items: unknown[] = [];
    for (let index = 0; index < length; index += 1) {
      try {
        items.push(read(reader));
      } catch (error) {
        throw foundIn(error, index);
      }
    }
    return items;
  };
}

function mapRead(node: MapNode, readKey: Read, readValue: Read, { maxItems }: Settings): Read {
  const readEntries = (reader: Reader, add: (key: unknown, value: unknown) => void) => {
    const length = reader.mapLength('map');
    if (length === undefined) throw unexpected('map', reader.describe());
    if (length > maxItems) throw unexpected(`map of at most ${maxItems} entries`, `one of ${length}`);
    for (let left = length; left > 0; left -= 1) {
      let key: unknown = '(a key)';
      try {
        key = readKey(reader);
        add(key, readValue(reader));
      } catch (error) {
        throw foundIn(error, String(key));
      }
    }
  };
  if (node.as === 'map') {
    return (reader) => {
      const entries = new Map<unknown, unknown>();
      readEntries(reader, (key, value) => entries.set(key, value));
      return entries;
    };
  }
  return (reader) => {
    const object: Record<string, unknown> = {};
    readEntries(reader, (key, value) => {
      if (key === '__proto__') throw new Mismatch('a key that is not allowed');
      object[key as string] = value;
    });
    return object;
  };
}
