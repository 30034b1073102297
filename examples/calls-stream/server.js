import { primes } from './primes.js';

function isPrime(number) {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}

const server = await primes.serve({
  async *from(number) {
    for (; ; number++) if (isPrime(number)) yield number; // until the client leaves its loop, or is gone
  },
  async count(numbers) {
    let count = 0;
    for await (const number of numbers) if (isPrime(number)) count++;
    return count;
  },
});
process.once('SIGTERM', () => server.drain());
