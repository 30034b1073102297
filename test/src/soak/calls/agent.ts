// A process of the soak of calls: it waits until it is told what to do, serves and calls, and ends when and how it is told.
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Handlers } from '@mmfbus/service';
import { armDeath } from '../death.js';
import { Random } from '../random.js';
import { LedgerWriter } from './ledger.js';
import type { CallLife, CallOrder, CallReport } from './protocol.js';
import type { MethodName, SoakService } from './service.js';

// After the hook for steps is there.
const { ServiceError } = await import('@mmfbus/service');
const { answerTo, dataOf, firstKeyOf, HOW, isDataOf, itemsOf, METHODS, soakService } = await import(
  './service.js'
);

type SoakClient = Awaited<ReturnType<SoakService['client']>>;

interface Input {
  readonly key: number;
  readonly how: number;
  readonly data: Uint8Array;
}

/** Longest time that a handler takes, milliseconds. */
const LONGEST_MS = 20;
/** Bytes of a call that is sent in parts. */
const LARGE = 150_000;
/** Milliseconds that a call may take that is not to be given up. */
const PATIENCE_MS = 20_000;

const ending = new AbortController();
setMaxListeners(0, ending.signal);
let leaving = false;

function tell(report: CallReport): void {
  if (process.connected) process.send?.(report);
}

function fault(text: string): void {
  tell({ report: 'fault', text });
}

async function serve(life: CallLife, ledger: LedgerWriter, random: Random): Promise<void> {
  const answer: Handlers<SoakService>['once'] = async ({ key, how, data }, { signal, errors }) => {
    if (!isDataOf(key, data)) fault(`the data of call ${key} has changed on its way`);
    ledger.ran(key);
    if (how === HOW.later) await pause(random.whole(0, LONGEST_MS), undefined, { signal }).catch(() => {});
    if (how === HOW.wait) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    if (how === HOW.fail) throw errors.FAILED({ key });
    return answerTo(key, 'once');
  };
  const handlers: Handlers<SoakService> = {
    once: answer,
    again: answer,
    tell: ({ key }) => ledger.ran(key),
    async *items(input, context) {
      await answer(input, context);
      for (let item = 0; item < itemsOf(input.key); item++) yield item;
    },
    sum: async (items) => {
      let sum = 0;
      let isFirst = true;
      for await (const item of items) {
        if (isFirst) ledger.ran(item);
        isFirst = false;
        sum += item;
      }
      return sum;
    },
  };
  const limits = random.chance(0.3) ? { concurrency: random.whole(1, 8), queue: random.whole(0, 16) } : {};
  const name = `server of ${life.index}`;
  const server = await soakService(life.service).serve(handlers, { name, ...limits });
  await aborted(ending.signal);
  if (life.end === 'drain') await server.drain({ timeout: LONGEST_MS * 10 });
  else await server.close();
}

/** One client: so many calls at a time, one after the other. */
async function call(life: CallLife, ledger: LedgerWriter, random: Random, number: number): Promise<void> {
  const options = {
    name: `client of ${life.index}`,
    waitForServer: random.pick([0, 0, 1000]),
    moveAfter: random.pick([undefined, undefined, 50]),
    pollWindow: random.pick([0, 0.2]),
  };
  const client = await soakService(life.service).client(options);
  let key = firstKeyOf(life.index, number);
  const line = async () => {
    while (!ending.signal.aborted) {
      await make(client, ledger, random, ++key);
      if (random.chance(0.2)) await pause(random.whole(0, LONGEST_MS));
      else await nextTurn();
    }
  };
  const lines = Array.from({ length: life.open }, line);
  await aborted(ending.signal);
  // Sometimes with calls under way, which fail by that.
  if (random.chance(0.5)) await Promise.all(lines);
  await client.$close();
  await Promise.all(lines);
}

async function make(client: SoakClient, ledger: LedgerWriter, random: Random, key: number): Promise<void> {
  const method = random.pick(METHODS);
  const how = random.pick([HOW.now, HOW.now, HOW.now, HOW.later, HOW.later, HOW.fail, HOW.wait]);
  const giving = new AbortController();
  const isImpatient = how === HOW.wait || random.chance(0.1);
  const isAborted = isImpatient && random.chance(0.5);
  const after = random.whole(0, LONGEST_MS);
  const timeout = isImpatient && !isAborted ? after + 1 : PATIENCE_MS;
  const timer = isAborted ? setTimeout(() => giving.abort(), after) : undefined;
  const input = { key, how, data: dataOf(key, random.chance(0.02) ? LARGE : random.whole(0, 64)) };
  const limit = isAborted ? 'signal' : isImpatient ? 'time' : 'none';
  ledger.called(key, method, limit);
  try {
    const options = { timeout, signal: giving.signal };
    const value = await outcomeOf(client, method, input, options);
    if (method !== 'tell' && value !== answerTo(key, method)) fault(`call ${key}, ${method}, gave ${value}`);
    ledger.ended(key, 'ok');
  } catch (error) {
    ledger.ended(key, describe(error));
  } finally {
    clearTimeout(timer);
  }
}

/** What a call gives, streams summed up or counted. */
async function outcomeOf(
  client: SoakClient,
  method: MethodName,
  input: Input,
  options: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<unknown> {
  if (method === 'sum') return client.sum(numbers(input.key), options);
  if (method !== 'items') return client[method](input, options);
  let next = 0;
  for await (const item of client.items(input, options)) {
    if (item !== next++) fault(`call ${input.key} gave item ${item}, not ${next - 1}`);
  }
  return next;
}

/** The key, and its items. */
function* numbers(key: number): Iterable<number> {
  yield key;
  for (let item = 0; item < itemsOf(key); item++) yield item;
}

function describe(error: unknown): string {
  const { code, started } = error as { code?: unknown; started?: unknown };
  if (typeof code === 'string' && (error instanceof ServiceError || code === 'FAILED'))
    return `${code} ${String(started)}`;
  fault(`a call failed with ${error instanceof Error ? error.stack : String(error)}`);
  return 'UNKNOWN maybe';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function live(life: CallLife): Promise<void> {
  armDeath(life.death);
  const ledger = new LedgerWriter(life.ledger);
  const servers = Array.from({ length: life.servers }, (_, number) =>
    serve(life, ledger, new Random(life.seed, life.index, number)),
  );
  const clients = Array.from({ length: life.clients }, (_, number) =>
    call(life, ledger, new Random(life.seed, life.index, number, 1), number),
  );
  await Promise.all([...servers, ...clients]);
  ledger.close();
  leaving = true;
  process.disconnect();
}

process.on('message', (message: CallOrder) => {
  if (message.order === 'live') {
    live(message.life).catch((error: unknown) =>
      fault(`it failed: ${error instanceof Error ? error.stack : error}`),
    );
  } else if (message.order === 'leave') ending.abort();
  else process.exit();
});
process.once('disconnect', () => {
  // The process that gives the orders is gone.
  if (!leaving) process.exit(1);
});
// Ctrl-C reaches every process of the terminal; it is for the one that gives the orders.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
tell({ report: 'ready' });
