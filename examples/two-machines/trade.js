import { defineChannel, defineService, f64, method, string, struct, u32 } from 'mmfbus';

// From the shop to the warehouse, and back.
export const orders = defineChannel({
  name: 'orders',
  schema: struct({ id: u32(), item: string(), quantity: u32() }),
});
export const shipments = defineChannel({ name: 'shipments', schema: struct({ order: u32() }) });

// From the warehouse to the shop. The ring is small, so that a bridge that is away for long misses some.
export const temperatures = defineChannel({
  name: 'temperatures',
  schema: struct({ number: u32(), celsius: f64() }),
  capacity: 64 * 1024,
});

// Served in the warehouse, called from the shop.
export const stock = defineService({
  name: 'stock',
  methods: { count: method({ input: string(), output: u32() }) },
});
