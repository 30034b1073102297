import { describe, expect, it } from 'vitest';
import { msgpack } from './index.js';

const codec = msgpack();
const target = new Uint8Array(1000);

function encode(value: unknown): Uint8Array {
  return target.slice(0, codec.encode(value, target, 0));
}

function roundTrip(value: unknown): unknown {
  const bytes = encode(value);
  return codec.decode(bytes, 0, bytes.length);
}

describe('msgpack reads everything once', () => {
  it('whatever getters would say the next time', () => {
    let reads = 0;
    const item = {
      get a() {
        reads += 1;
        return reads === 1 ? 'x' : () => 1;
      },
    };
    expect(roundTrip({ before: 'x', list: [item] })).toStrictEqual({ before: 'x', list: [{ a: 'x' }] });
    expect(reads).toBe(1);
  });

  it('whatever is added or removed meanwhile', () => {
    const object = {
      get a() {
        Object.assign(object, { later: 1 });
        Reflect.deleteProperty(object, 'b');
        return 1;
      },
      b: 2,
    };
    expect(roundTrip(object)).toStrictEqual({ a: 1 });
    const list: unknown[] = [
      {
        get a() {
          list.length = 2;
          return list.push(5, 6, 7);
        },
      },
      1,
      2,
    ];
    expect(roundTrip(list)).toStrictEqual([{ a: 5 }, 1, 5]);
  });

  it.each([
    ['grows', (map: Map<unknown, unknown>) => map.set(map.size, 1)],
    ['shrinks', (map: Map<unknown, unknown>) => map.delete('z')],
  ])('and refuses a Map that %s', (_what, change) => {
    const map = new Map<unknown, unknown>([['z', 1]]);
    map.set('a', {
      get b() {
        change(map);
        return 1;
      },
    });
    expect(() => encode([map])).toThrow(
      'msgpack: cannot encode a Map that changes while it is encoded at value[0]',
    );
  });

  it.each([2 ** 32, -1, 1.5, '3', {}])(
    'and refuses a proxy of an array that says its length is %s',
    (length) => {
      const proxy = new Proxy([1], {
        get: (array, key) => (key === 'length' ? length : Reflect.get(array, key)),
      });
      expect(() => encode(proxy)).toThrow('an array without a length');
    },
  );

  it('and leaves out what an object inherits', () => {
    const inheriting = Object.assign(Object.create({ inherited: 1 }), { own: 2 });
    expect(roundTrip(inheriting)).toStrictEqual({ own: 2 });
  });

  it('and refuses bytes that are gone', () => {
    const bytes = new Uint8Array(4);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    expect(() => encode({ bytes })).toThrow('a Uint8Array whose memory was detached at value.bytes');
  });

  it('and copies bytes of another thread', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(300)).fill(7);
    expect(roundTrip(shared)).toStrictEqual(new Uint8Array(300).fill(7));
  });
});
