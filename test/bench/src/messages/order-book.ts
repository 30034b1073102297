import { array, f64, type Shape, string, struct, u32, u64 } from '@mmfbus/codec';

interface Level {
  px: number;
  qty: number;
}

/** Eight levels on each side: nested objects of numbers with fractions, 492 bytes of msgpack. */
export interface OrderBook {
  id: number;
  sym: string;
  ts: number;
  bids: Level[];
  asks: Level[];
}

const LEVELS = 8;
const level = struct({ px: f64(), qty: f64() });

export const orderBookShape: Shape<OrderBook> = struct({
  id: u32(),
  sym: string(),
  ts: u64({ as: 'number' }),
  bids: array(level),
  asks: array(level),
});

export function makeOrderBook(): OrderBook {
  const side = (best: number, step: number) =>
    Array.from({ length: LEVELS }, (_, index) => ({ px: best + index * step, qty: 100.5 + index }));
  return { id: 1, sym: 'AAPL', ts: 1_700_000_000_000, bids: side(187.25, -0.01), asks: side(187.26, 0.01) };
}
