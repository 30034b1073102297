import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { primes } from './primes.js';

const workers = [spawn('dist/worker'), spawn('dist/worker')];
await Promise.all(workers.map(({ stdout }) => once(stdout, 'data'))); // each says that it is ready
const client = await primes.client();

const starts = Array.from({ length: 200 }, (_, index) => index * 10_000);
const calls = starts.map((from) => client.count({ from, to: from + 10_000 }));
await calls[0];
workers[0]?.kill('SIGKILL'); // the other one gets what it had
const counts = await Promise.all(calls);
console.log(`${counts.reduce((sum, count) => sum + count)} primes below 2,000,000`);

await client.crash().catch((error) => console.log(error.code, error.started));
await client.$close();
