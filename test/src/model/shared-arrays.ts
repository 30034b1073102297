import { type Cells, RING_BASE } from './cells.js';
import type { Access, MemoryOperation, Value } from './operations.js';

/** Does an operation on shared memory, whenever that is. */
export type Perform = (operation: MemoryOperation) => Value;

/** How the words of an array are accessed. */
export interface SharedArray {
  access(access: Access, index: number, value?: Value, expected?: Value): Value;
}

const shared = new WeakMap<object, SharedArray>();

/** The sizes of a model's channel. */
export interface Geometry {
  readonly participantCount: number;
  readonly ringOffset: number;
  readonly ringCapacity: number;
  readonly maxPayload: number;
  readonly maxMessage: number;
  readonly history: number;
}

/** A mapping of the channel's memory in place of a real one: every access is performed by the model. */
export class MappedChannel {
  readonly name = 'model';
  readonly words: object;
  readonly longs: object;
  /** Names of participants; no protocol depends on them. */
  readonly bytes: Uint8Array;
  readonly ring: object;
  readonly ringWords: object;
  readonly geometry: Geometry;
  #mapped = true;

  constructor(geometry: Geometry, cells: Cells, perform: Perform) {
    const array = (base: number, width: 4 | 8) => this.#array(base, width, cells, perform);
    this.geometry = geometry;
    this.bytes = new Uint8Array(geometry.ringOffset);
    this.words = array(0, 4);
    this.longs = array(0, 8);
    this.ringWords = array(RING_BASE, 4);
    this.ring = bytesOver(this.ringWords as Record<number, number>);
  }

  close(): void {
    this.#mapped = false;
  }

  #array(base: number, width: 4 | 8, cells: Cells, perform: Perform): object {
    const access: SharedArray['access'] = (how, index, value, expected) => {
      if (cells.decidesNothing(base + index * width)) return width === 8 ? 0n : 0;
      // The real arrays are detached then, and `Atomics` throws.
      if (!this.#mapped) throw new TypeError('shared memory was touched after it was unmapped');
      const offset = base + index * width;
      const wide = width === 4 ? cells.wideFieldAt(offset) : undefined;
      if (wide !== undefined) return half(how, offset - wide, value, perform, cells.at(wide, true));
      return perform({ kind: 'memory', access: how, cell: cells.at(offset, width === 8), value, expected });
    };
    return sharedArray({ access });
  }
}

/** An array of words in shared memory: plain accesses go through it, and those by {@link modelAtomics}. */
export function sharedArray(array: SharedArray): object {
  const proxy = new Proxy<object>(
    {},
    {
      get: (_, name) => array.access('read', Number(name)),
      set: (_, name, value: Value) => {
        array.access('write', Number(name), typeof value === 'number' ? value | 0 : value);
        return true;
      },
    },
  );
  shared.set(proxy, array);
  return proxy;
}

/** A half of a word of 64 bits. A model's numbers fit into the low one: the high one is 0, and stays so. */
function half(
  access: Access,
  place: number,
  value: Value | undefined,
  perform: Perform,
  cell: number,
): Value {
  if (place !== 0) return 0;
  const whole = value === undefined ? undefined : BigInt(value);
  return Number(perform({ kind: 'memory', access, cell, value: whole, expected: undefined }));
}

/** Bytes that lie over words, whole words at a time. */
function bytesOver(words: Record<number, number>): object {
  return {
    subarray(from: number, to: number): Uint8Array {
      const copy = Int32Array.from(
        { length: (to - from) >> 2 },
        (_, index) => words[(from >> 2) + index] as number,
      );
      return new Uint8Array(copy.buffer);
    },
    set(source: Uint8Array, at: number): void {
      const whole = new Int32Array(Math.ceil(source.length / 4));
      new Uint8Array(whole.buffer).set(source);
      for (const [index, word] of whole.entries()) words[(at >> 2) + index] = word;
    },
  };
}

/** Whether it is shared memory, or a view of it. */
export function isShared(value: object): boolean {
  return shared.has(value);
}

type Method = (array: object, index: number, value?: Value, replacement?: Value) => Value;

function method(access: Exclude<Access, 'read' | 'write' | 'compareExchange'>): Method {
  return (array, index, value) => {
    const target = shared.get(array);
    if (target !== undefined) return target.access(access, index, value);
    return (Atomics[access] as Method)(array, index, value);
  };
}

/** `Atomics` for shared memory of the model and for arrays of one's own. */
export const modelAtomics: Readonly<Record<string, Method>> = {
  load: method('load'),
  store: method('store'),
  add: method('add'),
  sub: method('sub'),
  and: method('and'),
  or: method('or'),
  exchange: method('exchange'),
  compareExchange: (array, index, expected, replacement) => {
    const target = shared.get(array);
    if (target !== undefined) return target.access('compareExchange', index, replacement, expected);
    return (Atomics.compareExchange as Method)(array, index, expected, replacement);
  },
};
