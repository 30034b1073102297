import { defineChannel, struct, u32 } from 'mmfbus';

export const results = defineChannel({
  name: 'primes',
  schema: struct({ from: u32(), to: u32(), primes: u32() }),
});
