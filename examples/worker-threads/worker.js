import { workerData } from 'node:worker_threads';
import { results } from './channel.js';

function isPrime(number) {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}

const { from, to } = workerData;
let primes = 0;
for (let number = from; number < to; number++) if (isPrime(number)) primes++;

const publisher = await results.publisher();
await publisher.publish({ from, to, primes });
await publisher.drain();
