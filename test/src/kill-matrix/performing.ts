// What processes of the kill matrix share: they do what they are told on standard input, line by line, and stop where they are told.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Announcement, AnswerLine, OrderLine, Point, Stop } from './orders.js';

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** At once, unlike `process.stdout`: this process may not come to anything else. */
export function say(line: AnswerLine | Announcement): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** Does nothing at all for so many milliseconds; for ever without. */
export function standStill(milliseconds?: number): void {
  Atomics.wait(nothing, 0, 0, milliseconds);
}

/** The steps that this process takes, and where it stops. */
class Steps {
  seen: string[] = [];
  #stop: { readonly point: Point; readonly how: Stop; count: number } | undefined;
  #isAsleep = false;
  #isReclaiming = false;

  /** Forgets them. */
  begin(): void {
    this.seen = [];
    this.#stop = undefined;
    this.#isAsleep = this.#isReclaiming = false;
  }

  /** Whether the one participant that can sleep does. */
  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Counts steps from now on, to stop at the point; how many were taken before. */
  arm(point: Point | undefined, how: Stop): number {
    this.#stop = point && { point, how, count: 0 };
    return this.seen.length;
  }

  onStep(step: string): void {
    this.seen.push(step);
    // A participant that reclaims a sleeper wakes it, in a way.
    if (step === 'reclaim: begun') this.#isReclaiming = true;
    if (step === 'reclaim: role taken') this.#isReclaiming = false;
    if (step === 'sleep: flagged') this.#isAsleep = true;
    if (step === 'wake: flag cleared' && !this.#isReclaiming) this.#isAsleep = false;
    if (this.#stop?.point.step !== step || ++this.#stop.count < this.#stop.point.occurrence) return;
    const { how } = this.#stop;
    this.#stop = undefined;
    say({ stops: how, seen: this.seen });
    if (how === 'stall') standStill();
    process.kill(process.pid, how === 'stop' ? 'SIGSTOP' : 'SIGKILL');
    // Nothing may happen after it, also where a signal takes its time.
    if (how === 'kill') standStill();
  }
}

export const steps: Steps = new Steps();

// Before the packages are imported, which look for it then.
(globalThis as Record<symbol, unknown>)[Symbol.for('mmfbus.steps')] = (step: string) => steps.onStep(step);

/** Obeys until standard input ends. */
export function obeyOrders(actor: object): void {
  const obey = async ({ id, order, args }: OrderLine): Promise<void> => {
    try {
      // JSON has no undefined.
      const given = args.map((arg) => arg ?? undefined);
      const obeyed = (actor as Record<string, (...args: readonly unknown[]) => unknown>)[order]!(...given);
      say({ id, result: await obeyed });
    } catch (error) {
      say({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  createInterface({ input: process.stdin })
    .on('line', (line) => void obey(JSON.parse(line) as OrderLine))
    .on('close', () => process.exit());
  say({ ready: true });
}
