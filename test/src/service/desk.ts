// The service that the tests of calls use, and handlers that write down what they did where it outlives them.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { bytes, f64, string, struct } from '@mmfbus/codec';
import {
  type Client,
  type Context,
  defineService,
  type Handlers,
  method,
  nothing,
  type Service,
  stream,
} from '@mmfbus/service';

const methods = {
  add: method({
    input: struct({ a: f64(), b: f64() }),
    output: f64(),
    errors: { OVERFLOW: struct({ limit: f64() }), EMPTY: nothing() },
  }),
  /** Answers after as many milliseconds, and at once when it is cancelled. */
  wait: method({ input: f64(), output: string() }),
  /** Never answers, unless it is cancelled. */
  hang: method({ input: string(), output: string() }),
  /** The same, and may run again. */
  hangAgain: method({ input: string(), output: string(), idempotent: true }),
  /** Blocks its process for so many milliseconds; says whether it saw that it was cancelled. */
  block: method({ input: f64(), output: string() }),
  log: method({ input: string() }),
  reset: method({ output: nothing() }),
  size: method({ input: bytes(), output: f64() }),
  repeat: method({ input: f64(), output: bytes() }),
  count: method({ input: f64(), output: stream(f64()) }),
  sum: method({ input: stream(f64()), output: f64() }),
  double: method({ input: stream(f64()), output: stream(f64()) }),
  fail: method({ input: string(), output: f64() }),
  wrong: method({ output: f64() }),
  who: method({ output: string() }),
};

type Methods = typeof methods;

/** The service, whatever its name. */
export type Desk = Service<Methods>;

/** A service of that name with all methods. */
export function desk(name: string): Desk {
  return defineService({ name, methods });
}

export type DeskClient = Client<Desk>;

/** What the handlers did, in order: `started hang x`, `cancelled hang x`, ... */
export class Journal {
  readonly #file: string | undefined;
  readonly #lines: string[] = [];
  readonly #waiting: { readonly line: string; readonly resolve: () => void }[] = [];

  /** @param file where it outlives this process. Defaults to memory. */
  constructor(file?: string) {
    this.#file = file;
  }

  write(line: string): void {
    if (this.#file !== undefined) appendFileSync(this.#file, `${line}\n`);
    this.#lines.push(line);
    for (const { line: due, resolve } of this.#waiting) if (due === line) resolve();
  }

  get lines(): readonly string[] {
    if (this.#file === undefined) return this.#lines;
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').trimEnd().split('\n') : [];
  }

  /** Of this process. */
  async waitFor(line: string): Promise<void> {
    if (this.#lines.includes(line)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ line, resolve }));
  }
}

/** Handlers that keep a journal. */
export function handlersOf(journal: Journal, name = ''): Handlers<Desk> {
  const hang = async (what: string, { signal }: Context): Promise<string> => {
    journal.write(`started ${what}`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    journal.write(`cancelled ${what}`);
    return 'cancelled';
  };
  return {
    add: ({ a, b }, { errors }) => {
      if (a > 100) throw errors.OVERFLOW({ limit: 100 });
      if (a === 0) throw errors.EMPTY();
      return a + b;
    },
    wait: async (milliseconds, { signal }) => {
      if (milliseconds > 1) journal.write(`started wait ${milliseconds}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      return name;
    },
    hang,
    hangAgain: hang,
    block: (milliseconds, context) => {
      journal.write('started block');
      const end = performance.now() + milliseconds;
      while (performance.now() < end) if (context.cancelled) break;
      journal.write(context.cancelled ? 'block was cancelled' : 'block ended');
      return context.cancelled ? 'cancelled' : 'done';
    },
    log: (line) => journal.write(line),
    reset: () => journal.write('reset'),
    size: (data) => data.length,
    repeat: (length) => new Uint8Array(length).fill(7),
    async *count(to) {
      let next = 0;
      try {
        while (next < to) yield next++;
      } finally {
        journal.write(next < to ? 'count was left' : 'count ended');
      }
    },
    sum: async (items) => {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    },
    async *double(items) {
      for await (const item of items) yield 2 * item;
    },
    fail: (text) => {
      throw new RangeError(text);
    },
    wrong: () => 'text' as never,
    who: (_, { caller }) => `${name} for ${caller.name} ${caller.pid}`,
  };
}
