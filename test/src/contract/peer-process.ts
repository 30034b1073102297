import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Halt, PeerAnswer, PeerHalts, PeerOrder, PeerOrders } from './peer-orders.js';

/** So often a process that is to go on is told so: it says that it stops a moment before it does. */
const CONTINUE_EACH_MS = 5;

interface Question {
  readonly text: string;
  readonly settle: (answer: PeerAnswer) => void;
}

/** A participant in another process, seen from the one whose calls are tested. */
export class PeerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #questions = new Map<number, Question>();
  readonly #ended: Promise<void>;
  #onHalt: (halt: Halt) => void = () => {};
  #count = 0;
  #stopped = false;
  #dead = false;

  constructor() {
    const script = fileURLToPath(new URL('./peer.js', import.meta.url));
    this.#child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
    this.#child.once('exit', () => this.#fail());
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Whether it has stopped. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Gives an order; rejects when the process dies before the answer. */
  ask<K extends keyof PeerOrders>(
    order: K,
    ...args: Parameters<PeerOrders[K]>
  ): Promise<Awaited<ReturnType<PeerOrders[K]>>> {
    const id = ++this.#count;
    const line: PeerOrder = { id, order, args };
    const text = `the peer to ${order} ${JSON.stringify(args)}`;
    const answered = new Promise<Awaited<ReturnType<PeerOrders[K]>>>((resolve, reject) => {
      const settle = ({ result, error }: PeerAnswer): void => {
        if (error === undefined) resolve(result as Awaited<ReturnType<PeerOrders[K]>>);
        else reject(new Error(`${text}: ${error}`));
      };
      this.#questions.set(id, { text, settle });
    });
    // Who asked may look only after the process has died.
    answered.catch(() => {});
    if (this.#dead) this.#fail();
    else this.#child.stdin.write(`${JSON.stringify(line)}\n`);
    return answered;
  }

  /** Has it stop, or die, with the next lock that the order takes; returns when it has. */
  async halt<K extends keyof PeerOrders>(
    halt: Halt,
    order: K,
    ...args: Parameters<PeerOrders[K]>
  ): Promise<void> {
    await this.ask('arm', halt);
    const halted = new Promise<void>((resolve) => {
      this.#onHalt = () => resolve();
    });
    void this.ask(order, ...args);
    await halted;
    if (halt === 'kill') await this.#ended;
    else this.#stopped = true;
  }

  /** Stops it wherever it is. */
  stop(): void {
    this.#child.kill('SIGSTOP');
    this.#stopped = true;
  }

  /** Lets it go on, and returns when it has. */
  async goOn(): Promise<void> {
    const signals = setInterval(() => this.#child.kill('SIGCONT'), CONTINUE_EACH_MS);
    try {
      await this.ask('arm', undefined);
      this.#stopped = false;
    } finally {
      clearInterval(signals);
    }
  }

  /** Ends it, and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }

  /** Ends it without waiting: this process exits. */
  killNow(): void {
    this.#child.kill('SIGKILL');
  }

  #take(text: string): void {
    const line = JSON.parse(text) as PeerAnswer | PeerHalts;
    if ('halts' in line) {
      this.#onHalt(line.halts);
      return;
    }
    const question = this.#questions.get(line.id);
    this.#questions.delete(line.id);
    question?.settle(line);
  }

  #fail(): void {
    this.#dead = true;
    for (const [id, { settle }] of this.#questions) settle({ id, error: 'it is dead' });
    this.#questions.clear();
  }
}
