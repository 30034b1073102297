import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, ChildEnd } from '../child.js';
import type { DeathStep } from '../life-plan.js';
import { Pool } from '../pool.js';
import { Random } from '../random.js';
import { scratchParent } from '../scratch.js';
import { problemOf } from './judge.js';
import { CallRecords } from './ledger.js';
import type { CallOrder, CallPlan, CallReport } from './protocol.js';
import { lifeOf } from './service.js';

/** Processes that are started ahead. */
const AHEAD = 3;
/** Milliseconds after which a process that was told to leave in good order hangs. */
const WATCHDOG = 60_000;

const STEPS: readonly DeathStep[] = [
  { begins: 'call', nth: 2000 },
  { begins: 'call: cell waiting', nth: 500 },
  { begins: 'call: withdrawn', nth: 20 },
  { begins: 'call: cancelled', nth: 20 },
  { begins: 'call: moved', nth: 5 },
  { begins: 'client', nth: 4 },
  { begins: 'server', nth: 2000 },
  { begins: 'server: started', nth: 500 },
  { begins: 'server: done raised', nth: 500 },
  { begins: 'server: credit', nth: 50 },
  { begins: 'serve', nth: 2 },
  { begins: 'drain', nth: 6 },
  { begins: 'leave', nth: 12 },
  { begins: 'publish', nth: 3000 },
  { begins: 'lock', nth: 2000 },
  { begins: 'sleep', nth: 300 },
  { begins: 'join', nth: 20 },
  { begins: 'reclaim', nth: 8 },
];

/** Options of a soak of calls. */
export interface CallSoakOptions {
  /** What every process does follows from it; when they do it does not. */
  readonly seed: number;
  /** Processes at a time. */
  readonly processes: number;
  /** Ends the soak after that many kills. */
  readonly kills: number;
}

/** What happened. */
export interface CallSoakCounts {
  lives: number;
  kills: number;
  pauses: number;
  calls: number;
  answers: number;
  /** Errors, by their codes and whether the call may have started. */
  readonly errors: Map<string, number>;
  /** Calls whose callers were killed before they had an outcome. */
  cutOff: number;
  /** Idempotent calls that ran more than once. */
  repeated: number;
  /** One-way calls that were sent and did not run. */
  untold: number;
}

type Agent = Child<CallOrder, CallReport>;

interface Living {
  readonly agent: Agent;
  readonly leave: () => void;
  readonly ended: Promise<void>;
}

/**
 * Processes that serve and call, come and go, stop, drain and are killed at random. Each writes down which calls it makes, what becomes
 * of them, and which handlers it runs; in the end all of that must fit together.
 */
export class CallSoak {
  readonly problems: string[] = [];
  readonly counts: CallSoakCounts = {
    lives: 0,
    kills: 0,
    pauses: 0,
    calls: 0,
    answers: 0,
    errors: new Map(),
    cutOff: 0,
    repeated: 0,
    untold: 0,
  };
  readonly #options: CallSoakOptions;
  readonly #folder: string;
  readonly #pool: Pool<CallOrder, CallReport>;
  readonly #lives = new Map<number, Living>();
  readonly #killed = new Set<number>();
  #stopped = false;
  #wake: () => void = () => {};

  constructor(options: CallSoakOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(scratchParent(), `mmfbus-soak-${process.pid}-`));
    mkdirSync(this.#bus);
    // Windows has no folder for segments.
    const env = process.platform === 'win32' ? {} : { MMFBUS_DIRECTORY: this.#bus };
    this.#pool = new Pool('calls/agent', AHEAD, env as Record<string, string>);
  }

  /** Begins to end. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Runs until its end; afterwards nothing is left of it. */
  async run(): Promise<void> {
    try {
      await this.#live();
      for (const { leave } of this.#lives.values()) leave();
      await this.#end();
      await this.#sweep();
      this.#judge();
    } catch (error) {
      this.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      for (const { agent } of this.#lives.values()) agent.signal('SIGKILL');
      await this.#end();
      await this.#pool.close();
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  get #bus(): string {
    return join(this.#folder, 'bus');
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#lives.values()].map(({ ended }) => ended));
  }

  async #live(): Promise<void> {
    const { kills, processes } = this.#options;
    const goesOn = () => !this.#stopped && this.counts.kills < kills;
    for (let index = 1; goesOn(); index++) {
      await this.#begin(this.#plan(index));
      while (goesOn() && this.#lives.size >= processes) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #plan(index: number): CallPlan {
    const { seed } = this.#options;
    const random = new Random(seed, index);
    const length = random.chance(0.1) ? random.whole(3000, 8000) : random.whole(100, 3000);
    const [servers, clients] = random.pick([
      [1, 0],
      [1, 0],
      [2, 0],
      [0, 1],
      [0, 2],
      [1, 1],
      [2, 1],
    ] as const);
    const death = random.chance(0.4) ? random.pick(STEPS) : undefined;
    const isKilled = death?.begins !== 'leave' && death?.begins !== 'drain' && random.chance(0.6);
    const mayStop = process.platform !== 'win32' && random.chance(0.3);
    const pause = { at: random.whole(0, length), length: random.whole(5, random.chance(0.2) ? 2500 : 300) };
    return {
      index,
      service: `soak-${process.pid}`,
      ledger: join(this.#folder, `${index}.calls`),
      seed,
      servers,
      clients,
      open: random.pick([1, 4, 16]),
      death: death && { begins: death.begins, nth: random.whole(1, death.nth) },
      end: random.pick(['drain', 'drain', 'close']),
      length,
      isKilled,
      pauses: mayStop ? [pause] : [],
    };
  }

  async #begin(plan: CallPlan): Promise<void> {
    const agent = await this.#pool.take();
    const timers: NodeJS.Timeout[] = [];
    const at = (milliseconds: number, action: () => void) => timers.push(setTimeout(action, milliseconds));
    const faults: string[] = [];
    let mayLeave = false;
    const leave = () => {
      if (mayLeave) return;
      mayLeave = true;
      agent.signal('SIGCONT');
      agent.order({ order: 'leave' });
      at(WATCHDOG, () => {
        faults.push(`it did not leave within ${WATCHDOG / 1000} s`);
        agent.signal('SIGKILL');
      });
    };
    agent.onReport = (report) => {
      if (report.report === 'fault') faults.push(report.text);
    };
    agent.order({ order: 'live', life: plan });
    this.counts.lives++;
    for (const { at: begin, length } of plan.pauses) {
      at(begin, () => {
        this.counts.pauses++;
        agent.signal('SIGSTOP');
      });
      at(begin + length, () => agent.signal('SIGCONT'));
    }
    at(plan.length, plan.isKilled ? () => agent.signal('SIGKILL') : leave);
    const ended = agent.ended.then((end) => {
      for (const timer of timers) clearTimeout(timer);
      this.#lives.delete(plan.index);
      this.#follow(plan, end, mayLeave, faults);
      this.#wake();
    });
    this.#lives.set(plan.index, { agent, leave, ended });
  }

  #follow(plan: CallPlan, { status, signal, stderr }: ChildEnd, mayLeave: boolean, faults: string[]): void {
    const wasKilled = signal === 'SIGKILL' || (process.platform === 'win32' && status === 1 && stderr === '');
    const problems = [...faults];
    if (wasKilled) {
      this.counts.kills++;
      this.#killed.add(plan.index);
    } else if (status !== 0 || !mayLeave) {
      problems.push(`it ended with ${signal ?? `status ${status}`} on its own`);
    }
    if (stderr !== '') problems.push(`it wrote: ${stderr}`);
    for (const problem of problems) {
      this.problems.push(`process ${plan.index}: ${problem}\n${JSON.stringify(plan)}`);
    }
    if (problems.length > 0) this.stop();
  }

  /** One client more comes and goes, and then nothing is left of those before. */
  async #sweep(): Promise<void> {
    const last: CallPlan = {
      ...this.#plan(this.counts.lives + 1),
      servers: 0,
      clients: 1,
      open: 0,
      death: undefined,
      length: 0,
      isKilled: false,
      pauses: [],
    };
    await this.#begin(last);
    await this.#end();
    const left = readdirSync(this.#bus);
    if (left.length > 0) this.problems.push(`in the folder of the segments is left: ${left.join(', ')}`);
  }

  #judge(): void {
    const { counts } = this;
    const records = new CallRecords();
    for (const file of readdirSync(this.#folder)) {
      if (file.endsWith('.calls')) records.read(join(this.#folder, file));
    }
    this.problems.push(...records.problems);
    const werePauses = counts.pauses > 0;
    for (const record of records.all()) {
      const { key, method, outcome, runs } = record;
      const problem = problemOf(record, { wasCallerKilled: this.#killed.has(lifeOf(key)), werePauses });
      if (problem !== undefined) this.problems.push(`call ${key}, ${method}: ${problem}`);
      counts.calls++;
      if (outcome === 'ok') counts.answers++;
      else if (outcome === undefined) counts.cutOff++;
      else counts.errors.set(outcome, (counts.errors.get(outcome) ?? 0) + 1);
      if (runs > 1) counts.repeated++;
      if (method === 'tell' && outcome === 'ok' && runs === 0) counts.untold++;
    }
    const errors = [...counts.errors.values()].reduce((sum, count) => sum + count, 0);
    if (counts.calls !== counts.answers + errors + counts.cutOff) this.problems.push('the sums are wrong');
  }
}
