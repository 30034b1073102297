// Serves the service of the tests. Arguments: its name, the name of the server, the file of its journal, and options as JSON.
// A line `drain` on its standard input drains it, `close` closes it.
import { createInterface } from 'node:readline';
import { desk, handlersOf, Journal } from '../service/desk.js';

const [service = '', name = '', file = '', options = '{}'] = process.argv.slice(2);
const journal = new Journal(file === '' ? undefined : file);
const server = await desk(service).serve(handlersOf(journal, name), { name, ...JSON.parse(options) });
process.stdout.write('ready\n');
createInterface({ input: process.stdin }).on('line', async (line) => {
  await (line === 'drain' ? server.drain() : server.close());
  process.stdout.write(`${line}ed\n`);
  process.stdin.destroy();
});
