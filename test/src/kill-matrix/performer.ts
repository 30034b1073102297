import { type Program, type StartOptions, startNode } from '../support/spawn.js';
import { joinedProgram } from '../support/workspace.js';
import type { Announcement, AnswerLine, OrderLine, Point, Stop } from './orders.js';

/** Of a process that serves many plays. */
const WATCHDOG = 600_000;

/** What is waited for after the process has died. */
export class Died extends Error {}

interface Question {
  readonly text: string;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly answered: Promise<unknown>;
}

/** As `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<R>(): {
  promise: Promise<R>;
  resolve: (result: R) => void;
  reject: (error: Error) => void;
} {
  let settle: [(result: R) => void, (error: Error) => void] | undefined;
  const promise = new Promise<R>((resolve, reject) => {
    settle = [resolve, reject];
  });
  const [resolve, reject] = settle!;
  return { promise, resolve, reject };
}

/** What orders there are: functions by their names. */
type OrdersOf<O> = { [K in keyof O]: (...args: never) => unknown };

/**
 * A process of the matrix, seen from the test.
 *
 * @typeParam O what it can be told.
 */
export class Performer<O extends OrdersOf<O>> {
  /** Who it is in the present play; for messages. */
  role = '';
  /** All steps of its life in this play up to where it stopped, once it has. */
  seen: readonly string[] | undefined;
  readonly #program: Program;
  readonly #questions = new Map<number, Question>();
  readonly #announced = new Set<'ready' | 'holds' | 'stops'>();
  readonly #end: Promise<void>;
  #wake: () => void = () => {};
  #hasEnded = false;
  #count = 0;

  /** @param name of the program, by its path in `test/src`. */
  constructor(name: string, more: StartOptions = {}) {
    const options = { nodeArgs: ['--expose-gc'], watchdog: WATCHDOG, outlivesTest: true, ...more };
    this.#program = startNode(joinedProgram(name), options);
    this.#end = this.#listen();
  }

  get isAlive(): boolean {
    return !this.#hasEnded;
  }

  /** What it has not answered yet, for people. */
  get pending(): string {
    return [...this.#questions.values()].map(({ text }) => `${this.role}: ${text}`).join('; ');
  }

  /** Gives an order; rejects with {@link Died} when the process dies of it, or before. */
  ask<K extends keyof O & string>(order: K, ...args: Parameters<O[K]>): Promise<Awaited<ReturnType<O[K]>>> {
    return this.order(order, args) as Promise<Awaited<ReturnType<O[K]>>>;
  }

  protected order(order: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#count;
    const line: OrderLine = { id, order, args };
    const text = `${order} ${JSON.stringify(args)}`;
    if (this.#hasEnded) return Promise.reject(new Died(`${this.role} is dead: ${text}`));
    const { promise, resolve, reject } = withResolvers<unknown>();
    this.#questions.set(id, { text, resolve, reject, answered: promise });
    this.#program.send(JSON.stringify(line));
    // A process that asked may come to look only after the process has died.
    promise.catch(() => {});
    return promise;
  }

  /** Returns when it has answered everything. */
  async idle(): Promise<void> {
    await Promise.all([...this.#questions.values()].map(({ answered }) => answered));
  }

  /**
   * Has it stop at the point, which may be at once; it goes on to nowhere without one. Returns how many steps it had
   * taken by then.
   */
  arm(point: Point | undefined, how: Stop = 'kill'): Promise<number> {
    this.forget('stops');
    return this.order('arm', [point, how]) as Promise<number>;
  }

  /** It is to say so once more. */
  protected forget(what: 'holds' | 'stops'): void {
    this.#announced.delete(what);
  }

  /** Returns when it has said so; rejects with {@link Died} when it dies without. */
  async announces(what: 'ready' | 'holds' | 'stops'): Promise<void> {
    while (!this.#announced.has(what)) {
      if (this.#hasEnded) throw new Died(`${this.role} died before it said ${what}`);
      await new Promise<void>((resolve) => {
        const before = this.#wake;
        this.#wake = () => {
          before();
          resolve();
        };
      });
    }
  }

  /** Sends it a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  /** Waits until it has died by itself. */
  ended(): Promise<void> {
    return this.#end;
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#program.kill('SIGKILL');
    await this.#end;
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const [line] = await this.#program.waitForLine(/^\{.*\}$/);
        this.#take(JSON.parse(line) as AnswerLine | Announcement);
      }
    } catch (cause) {
      // It has ended.
      this.#hasEnded = true;
      for (const { text, reject } of this.#questions.values()) {
        reject(new Died(`${this.role} died: ${text}`, { cause }));
      }
      this.#questions.clear();
      this.#wake();
    }
  }

  #take(line: AnswerLine | Announcement): void {
    if ('id' in line) {
      const question = this.#questions.get(line.id);
      this.#questions.delete(line.id);
      if (line.error === undefined) question?.resolve(line.result as never);
      else question?.reject(new Error(`${this.role}: ${question.text}: ${line.error}`));
      return;
    }
    if ('stops' in line) {
      this.seen = line.seen;
      this.#announced.add('stops');
    } else this.#announced.add('ready' in line ? 'ready' : 'holds');
    const wake = this.#wake;
    this.#wake = () => {};
    wake();
  }
}
