import { calc } from './calc.js';

const server = await calc.serve({
  add: ({ a, b }) => a + b,
  divide({ a, b }, { errors }) {
    if (b === 0) throw errors.DIVISION_BY_ZERO({ a });
    return a / b;
  },
});
process.once('SIGTERM', () => server.drain()); // ends what runs, and loses no call
