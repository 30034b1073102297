import { defineChannel, f64, string, struct } from 'mmfbus';

export const prices = defineChannel({
  name: 'example-electron',
  schema: struct({ symbol: string(), price: f64() }),
});
