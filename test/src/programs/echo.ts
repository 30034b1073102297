// Answers each line with `got <line>`. For the tests of the test support itself.
import { createInterface } from 'node:readline';

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`got ${line}\n`);
}
