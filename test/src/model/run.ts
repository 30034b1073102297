import { fingerprint, Handle } from './fingerprint.js';
import type {
  IdleOperation,
  MemoryOperation,
  Operation,
  Result,
  SystemOperation,
  Value,
} from './operations.js';
import { isShared } from './shared-arrays.js';
import { SOURCE_URL } from './sources.js';

/** Thrown into a program that has done what it was run for: it must not get any further. */
class Suspended extends Error {}
const SUSPENDED = new Suspended('suspended');

/** Ports that one process may open one after the other. */
export const PORTS_A_PROCESS = 4;

/** Something that the event loop will call. */
interface Waiting {
  readonly handle: Handle;
  readonly callback: () => void;
  readonly awaited: boolean;
}

/** A share in a process's port, as `leasePort` gives it. */
interface Lease {
  readonly port: number;
  readonly onRing: () => void;
}

/**
 * One execution of a process's program, from its beginning: what it did before gets the results that are recorded, and
 * the first operation that is not recorded ends it. The event loop, and what a process knows of the operating system,
 * are kept here; the rest of the world is in the results.
 */
export class Run {
  readonly process: number;
  /** The first operation without a recorded result. */
  next: Operation | undefined;
  /** What the program noted up to there. */
  readonly notes: string[] = [];
  /** Equal where all that follows is equal; undefined where that is not known. */
  knowledge: string | undefined;
  /** What the program opened. */
  readonly opened: unknown[] = [];
  /** Which functions of the sources issued the last operation, innermost first, when that is asked for. */
  where: readonly string[] = [];
  readonly #log: readonly Result[];
  readonly #explain: boolean;
  #done = 0;
  #immediates: Waiting[] = [];
  readonly #timers = new Map<number, Waiting>();
  readonly #watches = new Map<number, { readonly port: number; readonly callback: () => void }>();
  #lease: Lease | undefined;
  #leases = 0;
  #ids = 0;
  /** The last of the ids when the event loop got its last event. */
  #lastEvent = 0;
  #ended = false;
  #resting = false;
  #rests = 0;

  constructor(process: number, log: readonly Result[], explain = false) {
    this.process = process;
    this.#log = log;
    this.#explain = explain;
  }

  /** Runs the program up to its first operation without a result. */
  async execute(program: () => Promise<void>): Promise<void> {
    const main = (async () => program())();
    main.then(
      () => {
        this.#ended = true;
      },
      (error: unknown) => this.fail(error),
    );
    for (;;) {
      await settled();
      if (this.next !== undefined) return;
      const event = this.#perform(this.#idle());
      if (event === undefined) return;
      try {
        this.#fire(event as string);
      } catch (error) {
        this.fail(error);
      }
    }
  }

  memory(operation: MemoryOperation): Value {
    return this.#demand(operation) as Value;
  }

  system(operation: SystemOperation): string {
    return this.#demand(operation) as string;
  }

  start(): void {
    this.#demand({ kind: 'start' });
  }

  note(text: string): void {
    if (this.next === undefined) this.notes.push(text);
  }

  /** The program has nothing under way: what it does next follows from how often it came here, and what is open. */
  rest(): Promise<void> {
    this.#resting = true;
    this.#rests++;
    return new Promise((resolve) => {
      this.setImmediate(() => {
        this.#resting = false;
        resolve();
      }, false);
    });
  }

  /** @param awaited says that a promise's callbacks wait for it. */
  setImmediate(callback: () => void, awaited: boolean): Handle {
    const handle = new Handle();
    this.#immediates.push({ handle, callback, awaited });
    return handle;
  }

  clearImmediate(cleared: Handle | undefined): void {
    this.#immediates = this.#immediates.filter(({ handle }) => handle !== cleared);
  }

  /** @param awaited says that a promise's callbacks wait for it. */
  setTimeout(callback: () => void, awaited: boolean): Handle {
    const handle = new Handle();
    this.#timers.set(++this.#ids, { handle, callback, awaited });
    return handle;
  }

  clearTimeout(cleared: Handle | undefined): void {
    for (const [id, { handle }] of this.#timers) if (handle === cleared) this.#timers.delete(id);
  }

  watch(port: number, callback: () => void): () => void {
    const id = ++this.#ids;
    this.#watches.set(id, { port, callback });
    return () => this.#watches.delete(id);
  }

  /** @returns number of the port, and what gives it back. */
  lease(onRing: () => void): { readonly port: number; readonly release: () => void } {
    if (this.#lease !== undefined) throw new Error('a process of the model has one participant at a time');
    const lease = { port: this.process * PORTS_A_PROCESS + this.#leases++, onRing };
    this.system({ kind: 'system', call: 'open', port: lease.port });
    this.#lease = lease;
    return {
      port: lease.port,
      release: () => {
        this.system({ kind: 'system', call: 'close', port: lease.port });
        this.#lease = undefined;
      },
    };
  }

  #idle(): IdleOperation {
    return {
      kind: 'idle',
      done: this.#ended,
      immediate: this.#immediates.length > 0,
      timers: [...this.#timers.keys()],
      fresh: [...this.#timers.keys()].filter((id) => id > this.#lastEvent),
      bell: this.#lease !== undefined,
      watches: [...this.#watches].map(([id, { port }]) => ({ id, port })),
    };
  }

  #fire(event: string): void {
    this.#lastEvent = this.#ids;
    const [kind, id] = event.split(' ');
    if (kind === 'immediate') this.#immediates.shift()?.callback();
    if (kind === 'bell') this.#lease?.onRing();
    if (kind === 'timer') {
      const timer = this.#timers.get(Number(id));
      this.#timers.delete(Number(id));
      timer?.callback();
    }
    if (kind === 'death') {
      const watch = this.#watches.get(Number(id));
      this.#watches.delete(Number(id));
      watch?.callback();
    }
  }

  #demand(operation: Operation): Result {
    const result = this.#perform(operation);
    if (result === undefined) throw SUSPENDED;
    return result;
  }

  #perform(operation: Operation): Result | undefined {
    if (this.next !== undefined) return undefined;
    if (this.#done < this.#log.length) return this.#log[this.#done++];
    this.next = operation;
    if (operation.kind === 'idle') this.knowledge = this.#knowledge(operation);
    else if (this.#explain) this.where = callers();
    return undefined;
  }

  /** Asynchronous functions that are under way know what cannot be seen; then there is none. */
  #knowledge({ done, bell, timers, fresh, watches }: IdleOperation): string | undefined {
    const waiting = [...this.#immediates, ...this.#timers.values()];
    if ((!done && !this.#resting) || waiting.some(({ awaited }) => awaited)) return undefined;
    const callbacks = waiting.map(({ callback }) => String(callback));
    const events = [
      bell,
      this.#immediates.length,
      timers.length,
      fresh.length,
      watches.map(({ port }) => port),
    ];
    return (
      JSON.stringify([callbacks, events, this.notes, this.#rests, this.#leases]) +
      fingerprint(this.opened, isShared)
    );
  }

  /** Ends the process by an uncaught error. */
  fail(error: unknown): void {
    if (error === SUSPENDED || this.next !== undefined) return;
    this.next = { kind: 'failed', error: String(error) };
  }
}

/** Resolves when every promise that could settle by itself has. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Functions of the sources that are being run, without those that only wrap an access. */
function callers(): string[] {
  const lines = (new Error('where').stack ?? '').split('\n');
  return lines
    .filter((line) => line.includes(SOURCE_URL))
    .map((line) => /at (?:async )?(?:new )?([\w.#<>]+) /.exec(line)?.[1] ?? '')
    .filter((name) => name !== '' && !/__(?:load|store)(?:Word|Long)$/.test(name))
    .map((name) => name.replace('__', '#'));
}
