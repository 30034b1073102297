// Publishes the same amount again and again, each time when it is told to by a line, and tells after each how many atomic operations and
// calls of the operating system's functions that took. The marks are for a trace of its system calls. Argument: the channel.
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { countForeignCalls, foreignCalls } from '../support/foreign-calls.js';

/** A ring of 64 KiB holds this many messages of 32 bytes: so each stage leaves its position as it was. */
const MESSAGES = 8 * 1024;

let atomics = 0;
for (const name of [
  'add',
  'and',
  'compareExchange',
  'exchange',
  'load',
  'notify',
  'or',
  'store',
  'sub',
  'xor',
] as const) {
  const original = Atomics[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(Atomics, name, {
    value: (...args: unknown[]) => {
      atomics++;
      return original(...args);
    },
  });
}
countForeignCalls();
// Not before they are counted.
const { defineChannel } = await import('@mmfbus/channel');
const { raw } = await import('@mmfbus/codec');

const [, , name = ''] = process.argv;
const channel = defineChannel<Uint8Array>({ name, capacity: 64 * 1024, codec: raw() });
const publisher = await channel.publisher();
const message = new Uint8Array(32);

function publishAll(): void {
  for (let count = 0; count < MESSAGES; count++) {
    if (publisher.tryPublish(message) !== 'published') throw new Error(`message ${count} found no room`);
  }
}

publishAll();
console.log('ready');
for await (const stage of createInterface({ input: process.stdin })) {
  const before = { atomics, calls: foreignCalls() };
  existsSync(`/mark ${stage} begin`);
  publishAll();
  existsSync(`/mark ${stage} end`);
  console.log(JSON.stringify({ atomics: atomics - before.atomics, calls: foreignCalls() - before.calls }));
}
await publisher.close();
