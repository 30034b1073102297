import { shop } from './shop.js';

await shop.serve(
  { price: (item) => item.length, buy: (item) => item.length },
  { name: `shop-${process.pid}` },
);
process.send('ready');
