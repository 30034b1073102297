import { defineChannel } from 'mmfbus';
import { z } from 'zod';

const order = z.object({ email: z.email(), amount: z.number().positive() });

export const orders = defineChannel({ name: 'orders', schema: order });
