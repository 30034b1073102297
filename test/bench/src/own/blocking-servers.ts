import { blockingService } from '../calls/services.js';
import type { Partner } from '../partner.js';
import type { Own } from './own-job.js';

/** How long a handler blocks its process, milliseconds. */
const BLOCKED = 1;
/** Calls that each client has on its way, so that a server that is done finds the next one. */
const AT_ONCE = 8;
/** Milliseconds before those that count: as a thousand calls a second are few, everything is compiled only after some seconds. */
const WARM_UP = 5000;

const flag = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the process as a call of the operating system does: it sleeps, and leaves the core to others. */
function block(): void {
  Atomics.wait(flag, 0, 0, BLOCKED);
}

/** Milliseconds of the clock that all processes share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When that which counts begins and ends, by that clock. */
interface Window {
  readonly begin: number;
  readonly end: number;
}

/** What a process did in the window, and in all. */
interface Count {
  readonly within: number;
  readonly all: number;
}

/** Does something again and again until the window is over. */
async function during({ begin, end }: Window, lanes: number, action: () => unknown): Promise<Count> {
  let within = 0;
  let all = 0;
  const lane = async () => {
    while (now() < end) {
      await action();
      all++;
      const done = now();
      if (done >= begin && done < end) within++;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { within, all };
}

/** What all of them did together in that many milliseconds. */
async function together(partners: readonly Partner[], milliseconds: number): Promise<Count> {
  const begin = now() + WARM_UP;
  const window: Window = { begin, end: begin + milliseconds };
  for (const partner of partners) partner.tell(JSON.stringify(window));
  const counts = await Promise.all(partners.map(async ({ line }) => JSON.parse(await line()) as Count));
  return {
    within: counts.reduce((sum, { within }) => sum + within, 0),
    all: counts.reduce((sum, { all }) => sum + all, 0),
  };
}

type Start = (role?: string) => Promise<Partner>;

function startMany(startPartner: Start, role: string, count: number): Promise<Partner[]> {
  return Promise.all(Array.from({ length: count }, () => startPartner(role)));
}

async function endAll(partners: readonly Partner[]): Promise<void> {
  await Promise.all(partners.map(({ end }) => end()));
}

/**
 * Calls a second of as many clients as servers, whose handlers block for a millisecond each; and the ideal, measured just before: as many
 * processes that block as long, again and again, with no calls. What the timers of the machine add is in both.
 */
export const blockingServers: Own = {
  async measure({ amount, count }, startPartner) {
    const alone = await startMany(startPartner, 'alone', count);
    const ideal = await together(alone, amount);
    await endAll(alone);

    const servers = await startMany(startPartner, 'server', count);
    const clients = await startMany(startPartner, 'client', count);
    const calls = await together(clients, amount);
    await endAll(clients);
    for (const server of servers) server.tell('how many');
    const answered = await Promise.all(servers.map(async ({ line }) => Number(await line())));
    await endAll(servers);
    const sum = answered.reduce((a, b) => a + b, 0);
    // Each client has called once before it was ready.
    if (sum !== calls.all + count) throw new Error(`${sum} calls were answered, of ${calls.all + count}`);
    const seconds = amount / 1000;
    return { calls: calls.within / seconds, ideal: ideal.within / seconds };
  },

  async partner({ name }, say, told) {
    if (told.role === 'alone') {
      say('ready');
      const window = JSON.parse((await told.line()) as string) as Window;
      say(JSON.stringify(await during(window, 1, block)));
    } else if (told.role === 'server') {
      let answered = 0;
      const server = await blockingService(name).serve({
        block(number) {
          block();
          answered++;
          return number;
        },
      });
      say('ready');
      await told.line();
      say(String(answered));
      await told.line();
      await server.close();
    } else {
      const client = await blockingService(name).client();
      let calls = 0;
      const call = async () => {
        const number = calls++;
        const answer = await client.block(number);
        if (answer !== number) throw new Error(`call ${number} was answered with ${answer}`);
      };
      await call();
      say('ready');
      const window = JSON.parse((await told.line()) as string) as Window;
      say(JSON.stringify(await during(window, AT_ONCE, call)));
      await told.line();
      await client.$close();
    }
  },
};
