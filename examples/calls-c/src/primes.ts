import { defineService, method, nothing, struct, u32 } from 'mmfbus';

export const primes = defineService({
  name: 'example-primes',
  methods: {
    // Counts those of a range. It may run twice.
    count: method({ input: struct({ from: u32(), to: u32() }), output: u32(), idempotent: true }),
    crash: method({ output: nothing() }),
  },
});
