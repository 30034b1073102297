// Serves or calls a service as any program does, until its standard input ends, while its memory is overwritten. Whatever it meets
// must be the answer to its own call, or an error that says so. A caller prints a line for so many calls that have an outcome,
// which says how many answers there were, and both print what they met, at their end. Arguments: what it does (`serve` or `call`),
// and the name of the service.
import { setTimeout as pause } from 'node:timers/promises';
import { ChannelError } from '@mmfbus/channel';
import { f64, string, struct } from '@mmfbus/codec';
import { MmfError } from '@mmfbus/core';
import { timers } from '@mmfbus/core/internal';
import { type Client, defineService, method, ServiceError, stream } from '@mmfbus/service';

const CALLS_AT_ONCE = 8;
/** After so many calls the client is closed, and another one opened. */
const CALLS_OF_A_CLIENT = 64;
/** Milliseconds: memory that is overwritten can lose a call. */
const TIMEOUT = 250;
const ITEMS = 3;
/** Milliseconds that a handler takes. */
const PAUSE = 5;

const [role = '', name = ''] = process.argv.slice(2);
const service = defineService({
  name,
  methods: {
    echo: method({ input: string(), output: string(), errors: { ODD: string() } }),
    items: method({ input: string(), output: stream(struct({ key: string(), number: f64() })) }),
  },
});
const counts: Record<string, number> = {};
let goesOn = true;
let tellEnd = (): void => {};
const ended = new Promise<void>((resolve) => {
  tellEnd = resolve;
});
process.stdin.once('end', () => {
  goesOn = false;
  tellEnd();
});
process.stdin.resume();

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

/** Runs something that may fail as the packages say it may, and in no other way. */
async function tryOnce(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ServiceError || error instanceof ChannelError || error instanceof MmfError))
      throw error;
    count(error.code);
  }
  await timers.nextTurn();
}

async function serve(): Promise<void> {
  const server = await service.serve({
    echo: async (text, { errors }) => {
      // Open for a while: what comes meanwhile must not be taken for its answer.
      await pause(PAUSE);
      if (text.endsWith('1')) throw errors.ODD(text);
      return `${text}!`;
    },
    async *items(key) {
      for (let number = 0; number < ITEMS; number++) yield { key, number };
    },
  });
  count('servers');
  await Promise.race([ended, server.closed]);
  await server.close();
}

let calls = 0;

async function callOnce(client: Client<typeof service>): Promise<void> {
  const key = `${process.pid}-${calls++}`;
  const options = { timeout: TIMEOUT };
  if (calls % 4 === 0) {
    let next = 0;
    for await (const item of client.items(key, options)) {
      if (item.key !== key || item.number !== next++) throw new Error(`${key} got ${JSON.stringify(item)}`);
    }
    if (next === ITEMS) count('streams');
    return;
  }
  try {
    const answer = await client.echo(key, options);
    if (answer !== `${key}!`) throw new Error(`${key} got ${answer}`);
  } catch (error) {
    if (!service.isError(error, 'ODD')) throw error;
    if (error.data !== key) throw new Error(`${key} got an error of ${error.data}`);
  }
  count('answers');
}

async function call(): Promise<void> {
  const client = await service.client({ waitForServer: TIMEOUT });
  count('clients');
  try {
    for (let made = 0; goesOn && made < CALLS_OF_A_CLIENT; made += CALLS_AT_ONCE) {
      const before = counts['answers'] ?? 0;
      await Promise.all(Array.from({ length: CALLS_AT_ONCE }, () => tryOnce(() => callOnce(client))));
      process.stdout.write(`settled ${(counts['answers'] ?? 0) - before}\n`);
      void client.$servers;
    }
  } finally {
    await client.$close();
  }
}

const run = role === 'serve' ? serve : call;
process.stdout.write('ready\n');
while (goesOn) await tryOnce(run);
process.stdout.write(`done ${JSON.stringify(counts)}\n`);
