// Calls the service of the tests. Arguments: its name, a method, its input as JSON, and how many calls to make at once.
// It says what becomes of them, and closes at a line of its standard input.
import { createInterface } from 'node:readline';
import { desk } from '../service/desk.js';

const [service = '', method = '', input = '', count = '1'] = process.argv.slice(2);
const client = (await desk(service).client({ name: 'caller', waitForServer: 10_000 })) as unknown as Record<
  string,
  (input: unknown) => Promise<unknown>
>;
process.stdout.write('ready\n');
const lines = createInterface({ input: process.stdin });
lines.once('line', async () => {
  await (client as unknown as AsyncDisposable)[Symbol.asyncDispose]();
  lines.close();
  process.stdin.destroy();
});
for (let index = 0; index < Number(count); index++) {
  client[method]?.(JSON.parse(input)).then(
    (value) => process.stdout.write(`value ${JSON.stringify(value)}\n`),
    (error) => process.stdout.write(`error ${error.code} ${error.started}\n`),
  );
}
