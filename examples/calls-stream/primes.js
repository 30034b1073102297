import { defineService, method, stream, u32 } from 'mmfbus';

export const primes = defineService({
  name: 'example-primes',
  methods: {
    from: method({ input: u32(), output: stream(u32()) }),
    count: method({ input: stream(u32()), output: u32() }),
  },
});
