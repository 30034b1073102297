import { f64, oneOf, type Shape, string, struct, u32, u64 } from '@mmfbus/codec';

/** The object of the comparison: 54 bytes of msgpack. */
export interface Quote {
  id: number;
  sym: string;
  px: number;
  qty: number;
  ts: number;
  side: 'buy' | 'sell';
}

/** Its shape. */
export const quoteShape: Shape<Quote> = struct({
  id: u32(),
  sym: string(),
  px: f64(),
  qty: u32(),
  ts: u64({ as: 'number' }),
  side: oneOf('buy', 'sell'),
});

/** One of them. */
export function makeQuote(): Quote {
  return { id: 1, sym: 'AAPL', px: 187.25, qty: 100, ts: 1_700_000_000_000, side: 'buy' };
}
