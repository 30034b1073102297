import { defineChannel, f64, type Infer, oneOf, string, struct, u32 } from 'mmfbus';

const order = struct({ id: u32(), side: oneOf('buy', 'sell'), symbol: string(), price: f64() });

/** `{ id: number; side: 'buy' | 'sell'; symbol: string; price: number }` */
export type Order = Infer<typeof order>;

export const orders = defineChannel({ name: 'typed-orders', schema: order });
