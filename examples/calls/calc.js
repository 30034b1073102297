import { defineService, f64, method, struct } from 'mmfbus';

const operands = struct({ a: f64(), b: f64() });

export const calc = defineService({
  name: 'example-calc',
  methods: {
    add: method({ input: operands, output: f64() }),
    divide: method({ input: operands, output: f64(), errors: { DIVISION_BY_ZERO: struct({ a: f64() }) } }),
  },
});
