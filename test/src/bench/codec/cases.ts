import { array, boolean, f64, i32, oneOf, type Shape, string, struct, u16, u32, u64 } from '@mmfbus/codec';

/** Values of one kind, and how to describe them to those that want to know beforehand. */
export interface BenchCase {
  readonly what: string;
  readonly shape: Shape<object>;
  /** For protobufjs: the fields of each message. A number of 64 bits is a double there, as its `Long` would be slower. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly make: (index: number) => object;
}

const WORDS = [
  'order',
  'accepted',
  'by',
  'the',
  'matching',
  'engine',
  'without',
  'changes',
  'to',
  'its',
  'price',
];

function sentence(index: number, words: number): string {
  return Array.from({ length: words }, (_, word) => WORDS[(index * 7 + word * 3) % WORDS.length]).join(' ');
}

const wideNames = Array.from({ length: 30 }, (_, index) => `field_${index}`);
const wideKinds = ['uint32', 'double', 'string', 'bool', 'sint32'] as const;

function wideValue(index: number, place: number): unknown {
  switch (wideKinds[place % wideKinds.length]) {
    case 'uint32':
      return (index + 1) * (place + 1) * 37;
    case 'double':
      return index * 1.25 + place / 8 + 0.1;
    case 'string':
      return `value-${index + place}`;
    case 'bool':
      return (index + place) % 2 === 0;
    default:
      return (index - 32) * (place + 1);
  }
}

const wideShapes = { uint32: u32(), double: f64(), string: string(), bool: boolean(), sint32: i32() };

/** The five kinds of values that are measured. */
export const cases: Readonly<Record<string, BenchCase>> = {
  quote: {
    what: 'a quote of six fields',
    shape: struct({
      id: u32(),
      sym: string(),
      px: f64(),
      qty: u32(),
      ts: u64({ as: 'number' }),
      side: oneOf('buy', 'sell'),
    }),
    messages: {
      Root: { id: 'uint32', sym: 'string', px: 'double', qty: 'uint32', ts: 'double', side: 'string' },
    },
    make: (index) => ({
      id: index * 1000 + 1,
      sym: ['AAPL', 'MSFT', 'GOOG', 'AMZN'][index % 4],
      px: 187.25 + index / 4,
      qty: 100 + index * 10,
      ts: 1_700_000_000_000 + index,
      side: index % 2 === 0 ? 'buy' : 'sell',
    }),
  },
  wide: {
    what: 'a record of 30 fields',
    shape: struct(
      Object.fromEntries(
        wideNames.map((name, place) => [name, wideShapes[wideKinds[place % wideKinds.length]!] as Shape]),
      ),
    ),
    messages: {
      Root: Object.fromEntries(wideNames.map((name, place) => [name, wideKinds[place % wideKinds.length]!])),
    },
    make: (index) => Object.fromEntries(wideNames.map((name, place) => [name, wideValue(index, place)])),
  },
  nested: {
    what: 'an order book, eight levels on each side',
    shape: struct({
      venue: string(),
      sequence: u32(),
      bids: array(struct({ price: f64(), size: u32(), orders: u16() })),
      asks: array(struct({ price: f64(), size: u32(), orders: u16() })),
      flags: struct({ open: boolean(), crossed: boolean(), depth: u16() }),
    }),
    messages: {
      Root: {
        venue: 'string',
        sequence: 'uint32',
        bids: 'repeated Level',
        asks: 'repeated Level',
        flags: 'Flags',
      },
      Level: { price: 'double', size: 'uint32', orders: 'uint32' },
      Flags: { open: 'bool', crossed: 'bool', depth: 'uint32' },
    },
    make: (index) => {
      const levels = (sign: number) =>
        Array.from({ length: 8 }, (_, level) => ({
          price: 100.5 + (sign * level) / 8 + index,
          size: 100 * (level + 1) + index,
          orders: 1 + ((index + level) % 300),
        }));
      return {
        venue: 'XNAS',
        sequence: 70_000 + index,
        bids: levels(-1),
        asks: levels(1),
        flags: { open: true, crossed: index % 2 === 0, depth: 8 },
      };
    },
  },
  text: {
    what: 'eight strings of 4 to 240 characters, one of them not ASCII',
    shape: struct({
      id: string(),
      title: string(),
      author: string(),
      body: string(),
      place: string(),
      tags: array(string()),
    }),
    messages: {
      Root: {
        id: 'string',
        title: 'string',
        author: 'string',
        body: 'string',
        place: 'string',
        tags: 'repeated string',
      },
    },
    make: (index) => ({
      id: `msg-${1000 + index}`,
      title: sentence(index, 8),
      author: sentence(index, 2),
      body: sentence(index, 40),
      place: 'Zürich, Limmatstraße',
      tags: ['news', 'markets', sentence(index, 3)],
    }),
  },
  numbers: {
    what: 'an array of 256 doubles',
    shape: struct({ samples: array(f64()) }),
    messages: { Root: { samples: 'repeated double' } },
    make: (index) => ({ samples: Array.from({ length: 256 }, (_, place) => Math.sin(index + place) * 1000) }),
  },
};
