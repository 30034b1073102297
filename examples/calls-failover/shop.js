import { defineService, method, string, u32 } from 'mmfbus';

export const shop = defineService({
  name: 'example-shop',
  methods: {
    price: method({ input: string(), output: u32(), idempotent: true }), // may run twice
    buy: method({ input: string(), output: u32() }), // must not
  },
});
