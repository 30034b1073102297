import './tracing.js';
import { defineService, f64, method, string, struct } from 'mmfbus';

const errors = { UNKNOWN: struct({ symbol: string() }) };
const price = method({ input: string(), output: f64(), errors });
const quotes = defineService({ name: 'example-quotes', methods: { price } });
// Mostly these are two programs.
const server = await quotes.serve(
  {
    price(symbol, { errors }) {
      if (symbol !== 'AAPL') throw errors.UNKNOWN({ symbol });
      return 187.25;
    },
  },
  { name: 'quotes-1' },
);
const client = await quotes.client();
await client.price('AAPL');
await client.price('XYZ').catch(() => {});
await server.close();
await client.price('AAPL').catch(() => {});
await client.$close();
