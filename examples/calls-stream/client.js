import { primes } from './primes.js';

const client = await primes.client({ waitForServer: 5000 });
for await (const prime of client.from(1_000_000)) {
  console.log(prime);
  if (prime > 1_000_030) break; // the server stops
}

function* numbers() {
  for (let number = 0; number < 100_000; number++) yield number;
}
console.log(await client.count(numbers()), 'primes below 100000');
await client.$close();
