import { defineChannel, f64, string, struct } from 'mmfbus';

export const prices = defineChannel({
  name: 'deno-prices',
  schema: struct({ symbol: string(), price: f64() }),
});
