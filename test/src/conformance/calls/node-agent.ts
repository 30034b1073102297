// The conformance agent for calls in Node. The protocol is said in README.md.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Client, Handlers, Server } from '@mmfbus/service';
import type { Conformance } from './service.js';

let stopStep = '';
/** Says that it waits at that step; without one it dies there. */
let stopFile: string | undefined;
let stepsLeft = 0;
(globalThis as Record<symbol, unknown>)[Symbol.for('mmfbus.steps')] = (step: string) => {
  if (stepsLeft === 0 || step !== stopStep || --stepsLeft > 0) return;
  if (stopFile === undefined) process.kill(process.pid, 'SIGKILL');
  else waitUntilGone(stopFile);
};

/** Creates the file, and waits until it is gone; nothing else happens in this process meanwhile. */
function waitUntilGone(file: string): void {
  writeFileSync(file, '');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(file)) Atomics.wait(pause, 0, 0, 1);
}

// Steps are told to a hook that was there before the package.
const { DeclaredError, ServiceError } = await import('@mmfbus/service');
const { changedService, conformanceService } = await import('./service.js');

/** Milliseconds after which a wait is given up as hung. */
const WATCHDOG = 60_000;

let server: Server | undefined;
let client: Client<Conformance> | undefined;
let journal: string | undefined;
/** The version of the service whose contract was taken. */
let versionOf: (service: string) => Conformance = conformanceService;

interface Held {
  readonly resolve: (text: string) => void;
}

const held = new Set<Held>();
/** Told when something has changed that a command may wait for. */
let onChange: () => void = () => {};

function say(...words: readonly (string | number)[]): void {
  process.stdout.write(`${words.join(' ')}\n`);
}

function note(line: string): void {
  if (journal !== undefined) appendFileSync(journal, `${line}\n`);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) {
    await new Promise<void>((resolve) => {
      onChange = resolve;
    });
  }
}

const handlers: Handlers<Conformance> = {
  echo: (input) => input,
  fail: (input, { errors }) => {
    if (input === 'declared') throw errors.NOT_FOUND('nowhere');
    throw new TypeError('it-failed');
  },
  hold: (input, { signal }) => {
    note(`hold ${input}`);
    return new Promise((resolve, reject) => {
      const one = { resolve };
      held.add(one);
      onChange();
      signal.addEventListener('abort', () => {
        if (!held.delete(one)) return;
        note('cancelled hold');
        reject(new Error('held'));
        onChange();
      });
    });
  },
  block: (input, context) => {
    note(`block ${input}`);
    const end = performance.now() + WATCHDOG;
    while (!context.cancelled) if (performance.now() > end) process.exit(1);
    note(`cancelled ${input}`);
    return input;
  },
  note: (input) => note(`note ${input}`),
  mark: (input) => note(`mark ${input}`),
  once: (input) => {
    note(`once ${input}`);
    return input;
  },
  again: (input) => {
    note(`again ${input}`);
    return input;
  },
  async *count(end) {
    for (let next = 0; next < end; next++) yield next;
  },
  sum: async (items) => {
    let total = 0;
    note('begun sum');
    for await (const item of items) total += item;
    return total;
  },
  async *pipe(items, context) {
    try {
      for await (const item of items) yield item;
    } finally {
      if (context.cancelled) note('cancelled pipe');
    }
  },
};

/** Items that the kit sends one after the other, each when the one before was taken. */
class Input<T> implements AsyncIterable<T> {
  #item: { readonly value: T; readonly taken: () => void } | undefined;
  #hasEnded = false;
  #wake: () => void = () => {};

  /** Resolves when it was taken, or the call has ended. */
  send(value: T): Promise<void> {
    return new Promise((taken) => {
      this.#item = { value, taken };
      this.#wake();
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#item?.taken();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const item = this.#item;
        if (item !== undefined) {
          this.#item = undefined;
          item.taken();
          yield item.value;
        } else if (this.#hasEnded) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.end();
    }
  }
}

/** A call that the kit knows by its tag. */
interface Tagged {
  readonly items: string[];
  readonly input: Input<string | number> | undefined;
  readonly abort: AbortController;
  /** Items that were said. */
  told: number;
  /** Undefined while it is open. */
  outcome: string | undefined;
}

const tagged = new Map<string, Tagged>();

/** What an agent says in the place of a text: many xs are `*` and their number. */
function expand(text: string): string {
  return text.startsWith('*') ? 'x'.repeat(Number(text.slice(1))) : text;
}

function shorten(value: unknown): string {
  const text = String(value);
  return /^x{101,}$/.test(text) ? `*${text.length}` : text;
}

function outcomeOfError(error: unknown): string {
  if (error instanceof DeclaredError) return `declared ${error.code} ${error.data}`;
  if (!(error instanceof ServiceError)) throw error;
  const started = error.started === false ? 'no' : 'maybe';
  if (error.code !== 'REMOTE') return `error ${error.code} ${started}`;
  const { name, message } = error.cause as Error;
  return `error REMOTE ${started} ${name} ${message}`;
}

function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then((value) => (value === undefined ? 'end' : `value ${shorten(value)}`), outcomeOfError);
}

type AnyMethod = (...args: readonly unknown[]) => Promise<unknown> & AsyncIterable<unknown>;

function callOf(method: string, input: unknown, timeout: string | undefined, signal?: AbortSignal) {
  const options = { signal, timeout: timeout === undefined ? undefined : Number(timeout) };
  return ((client as unknown as Record<string, AnyMethod>)[method] as AnyMethod)(input, options);
}

function begin(tag: string, method: string, text: string | undefined, timeout: string | undefined): void {
  const takesStream = method === 'sum' || method === 'pipe';
  const one: Tagged = {
    items: [],
    input: takesStream ? new Input() : undefined,
    abort: new AbortController(),
    told: 0,
    outcome: undefined,
  };
  tagged.set(tag, one);
  const input = one.input ?? (method === 'count' ? Number(text) : expand(text ?? ''));
  const call = callOf(method, input, timeout, one.abort.signal);
  const gathered = async () => {
    for await (const item of call) {
      one.items.push(shorten(item));
      onChange();
    }
  };
  const isStream = method === 'count' || method === 'pipe';
  void outcomeOf(isStream ? gathered() : call).then((outcome) => {
    one.outcome = outcome;
    one.input?.end();
    onChange();
  });
}

function tellItems(one: Tagged): void {
  while (one.told < one.items.length) say(`item ${one.items[one.told++]}`);
}

async function obey(line: string): Promise<void> {
  const space = line.indexOf(' ');
  const stop = /^(?:die-at|wait-at (?<file>\S+)) (?<times>\d+) (?<step>.*)$/.exec(line)?.groups;
  if (stop !== undefined) {
    stopFile = stop['file'];
    stepsLeft = Number(stop['times']);
    stopStep = stop['step'] ?? '';
    return say('ok');
  }
  const words = line.slice(space + 1).split(' ');
  const [first = '', second = ''] = words;
  const plain = words.filter((word) => !word.includes('='));
  const option = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const number = (key: string) => (option(key) === undefined ? undefined : Number(option(key)));
  switch (space < 0 ? line : line.slice(0, space)) {
    case 'hello':
      return say('ok node steps');
    case 'contract': {
      const text = line.slice(space + 1);
      const versions = [conformanceService, changedService];
      const version = versions.find((one) => one('any').contract.text === text);
      if (version === undefined) return say('error there is no such version');
      versionOf = version;
      return say('ok');
    }
    case 'serve':
      journal = option('journal');
      server = await versionOf(first).serve(handlers, {
        name: option('name'),
        concurrency: number('concurrency'),
        queue: number('queue'),
      });
      return say('ok');
    case 'client':
      client = await versionOf(first).client({
        name: option('name'),
        waitForServer: number('waitForServer'),
        timeout: number('timeout') ?? WATCHDOG,
      });
      return say('ok');
    case 'call':
      begin(first, second, plain[2], option('timeout'));
      return say('ok');
    case 'await': {
      const one = tagged.get(first)!;
      await until(() => one.outcome !== undefined);
      tellItems(one);
      tagged.delete(first);
      return say('ok', one.outcome!);
    }
    case 'items': {
      const one = tagged.get(first)!;
      await until(() => one.items.length >= Number(second) || one.outcome !== undefined);
      tellItems(one);
      return say('ok');
    }
    case 'send': {
      const one = tagged.get(first)!;
      for (let index = 0; index < Number(plain[2] ?? 1) && one.outcome === undefined; index++) {
        await one.input!.send(second === 'numbers' ? index : expand(second));
      }
      return say('ok');
    }
    case 'end':
      tagged.get(first)!.input!.end();
      return say('ok');
    case 'cancel':
      tagged.get(first)!.abort.abort();
      return say('ok');
    case 'ask':
    case 'tell':
      return say('ok', await outcomeOf(callOf(first, expand(second), option('timeout'))));
    case 'ask-all': {
      const { $all } = client as unknown as { $all: Record<string, AnyMethod> };
      const answers = (await $all[first]!(expand(second))) as readonly (PromiseSettledResult<unknown> & {
        readonly server: { readonly name: string };
      })[];
      for (const answer of answers) {
        const settled = answer.status === 'fulfilled' ? answer.value : Promise.reject(answer.reason);
        say('answer', answer.server.name, await outcomeOf(Promise.resolve(settled)));
      }
      return say('ok end');
    }
    case 'servers': {
      const servers = client!.$servers;
      for (const { name, outstanding, served, errors } of servers)
        say('server', name, 'serving', outstanding, served, errors);
      return say('ok', servers.length);
    }
    case 'held':
      await until(() => held.size === Number(first));
      return say('ok');
    case 'release':
      for (const { resolve } of held) resolve(first);
      held.clear();
      return say('ok');
    case 'drain':
      await server!.drain({ timeout: WATCHDOG });
      return say('ok');
    case 'leave':
      await (first === 'client' ? client!.$close() : server!.close());
      return say('ok');
    default:
      return say('error there is no such command');
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'exit') break;
  try {
    await obey(line);
  } catch (error) {
    say(`error ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
  }
}
await client?.$close();
await server?.close();
