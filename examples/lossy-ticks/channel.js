import { defineChannel, f64, string, struct } from 'mmfbus';

export const ticks = defineChannel({
  name: 'ticks',
  schema: struct({ symbol: string(), price: f64() }),
  capacity: 4096, // small, so that a slow subscriber soon falls behind
});
