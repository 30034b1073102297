// Has the worker, a C program, compute. See ../README.md.
import { defineChannel } from '@mmfbus/channel';
import type { Infer } from '@mmfbus/codec';
import { answer, command } from './shapes.js';

const KiB = 1024;

const commands = await defineChannel({ name: 'commands', schema: command, capacity: 64 * KiB }).publisher();
const answers = await defineChannel({ name: 'answers', schema: answer, capacity: 64 * KiB }).subscriber({
  start: 'earliest',
});

const questions: readonly Infer<typeof command>[] = [
  { op: 'square', id: 1, n: 12 },
  { op: 'negate', id: 2, n: 7.5 },
  { op: 'square', id: 3, n: 1.5 },
];
for (const question of questions) await commands.publish(question);

for await (const { value } of answers) {
  const question = questions.find(({ id }) => id === value.id);
  console.log(`${question?.op} ${question?.n} = ${value.result}`);
  if (value.id === questions.length) break;
}
await commands.publish({ op: 'stop', id: 0, n: 0 });
await answers.close();
await commands.close();
