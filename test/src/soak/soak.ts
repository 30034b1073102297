import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Position } from '@mmfbus/channel';
import { AuditorLink } from './auditor-link.js';
import { type ChannelPlan, planChannels } from './channel-plan.js';
import { Life } from './life.js';
import { planLife, type Role } from './life-plan.js';
import { Pool } from './pool.js';
import { LEDGERS_VARIABLE, type Verdict } from './protocol.js';
import { scratchParent } from './scratch.js';

/** Processes that are started ahead. */
const AHEAD = 3;
/** After this many lives every process in a channel without auditor is killed, so that it ends. */
const EMPTY_EVERY = 25;

/** Options of a soak. */
export interface SoakOptions {
  /** What every process does follows from it; when they do it does not. */
  readonly seed: number;
  readonly channels: number;
  /** Processes at a time, beside the auditor. */
  readonly processes: number;
  /** Ends the soak after that many kills. */
  readonly kills: number;
}

/** What happened. */
export interface SoakCounts {
  lives: number;
  kills: number;
  pauses: number;
  terminated: number;
  emptied: number;
  published: number;
  received: number;
  missed: number;
  before: number;
  slots: number;
  locks: number;
}

/**
 * Processes that join channels, publish, subscribe, pause, leave and are killed, and an auditor who accounts for each
 * message. It ends after its kills, with the first problem, or when it is told to.
 */
export class Soak {
  readonly problems: string[] = [];
  readonly #options: SoakOptions;
  readonly #folder: string;
  readonly #channels: readonly ChannelPlan[];
  readonly #auditor: AuditorLink;
  readonly #pool: Pool;
  readonly #lives = new Map<Life, Promise<void>>();
  readonly #judging = new Set<Promise<void>>();
  /** In each channel the last message that an ended process had. */
  readonly #lasts = new Map<number, Position>();
  readonly #counts: SoakCounts = {
    lives: 0,
    kills: 0,
    pauses: 0,
    terminated: 0,
    emptied: 0,
    published: 0,
    received: 0,
    missed: 0,
    before: 0,
    slots: 0,
    locks: 0,
  };
  #stopped = false;
  #wake: () => void = () => {};

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(scratchParent(), `mmfbus-soak-${process.pid}-`));
    const bus = join(this.#folder, 'bus');
    const ledgers = join(this.#folder, 'ledgers');
    for (const folder of [bus, ledgers]) mkdirSync(folder);
    // Windows has no folder for segments.
    const env = {
      ...(process.platform === 'win32' ? {} : { MMFBUS_DIRECTORY: bus }),
      [LEDGERS_VARIABLE]: ledgers,
    };
    this.#channels = planChannels(`mmfbus-soak-${process.pid}`, options.channels);
    this.#auditor = new AuditorLink(env, (problem) => this.#problem(problem));
    this.#pool = new Pool('agent', AHEAD, env);
  }

  /** What happened up to now; messages are counted when those that got them have ended. */
  get counts(): SoakCounts {
    const { received, slots, locks } = this.#auditor.counts;
    const counts = this.#counts;
    return {
      ...counts,
      received: counts.received + received,
      slots: counts.slots + slots,
      locks: counts.locks + locks,
    };
  }

  /** Begins to end. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Runs until its end; afterwards nothing is left of it. */
  async run(): Promise<void> {
    try {
      await this.#auditor.ask({ order: 'watch', channels: this.#channels });
      await this.#start();
      for (const life of this.#lives.keys()) life.leave('close');
      await Promise.all(this.#lives.values());
      await Promise.all(this.#judging);
    } catch (error) {
      this.#problem(error instanceof Error ? error.message : String(error));
    } finally {
      for (const life of this.#lives.keys()) life.kill();
      await Promise.all(this.#lives.values());
      await this.#pool.close();
      this.problems.push(...(await this.#auditor.finish()));
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async #start(): Promise<void> {
    for (let index = 1; this.#goesOn(); index++) {
      if (index % EMPTY_EVERY === 0) await this.#empty(index / EMPTY_EVERY);
      if (this.#goesOn()) await this.#begin(index);
      while (this.#goesOn() && this.#lives.size >= this.#options.processes) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #goesOn(): boolean {
    return !this.#stopped && this.#counts.kills < this.#options.kills;
  }

  #problem(text: string): void {
    this.problems.push(text);
    this.stop();
  }

  async #begin(index: number): Promise<void> {
    const mayStop = process.platform !== 'win32';
    const plan = planLife(this.#options.seed, index, this.#channels, mayStop);
    const assignments = plan.roles.map((role) => ({ role, after: this.#afterOf(role) }));
    const agent = await this.#pool.take();
    await this.#auditor.ask({ order: 'admit', assignments });
    const life = new Life(plan, assignments, agent);
    this.#counts.lives++;
    this.#lives.set(life, this.#follow(life));
  }

  #afterOf(role: Role): Position | undefined {
    if (role.kind === 'publisher' || role.start !== 'after') return undefined;
    return this.#lasts.get(role.channel.index);
  }

  async #follow(life: Life): Promise<void> {
    const { killed, problems } = await life.ended;
    const counts = this.#counts;
    if (killed) counts.kills++;
    counts.pauses += life.pauses;
    counts.terminated += life.terminated;
    for (const problem of problems)
      this.#problem(`process ${life.plan.index}: ${problem}\n${describe(life)}`);
    const judging = this.#judge(life);
    this.#judging.add(judging);
    void judging.finally(() => this.#judging.delete(judging));
    this.#lives.delete(life);
    this.#wake();
  }

  async #judge(life: Life): Promise<void> {
    const { verdicts, problems } = await this.#auditor.ask({ order: 'judge', ended: life.assignments });
    for (const problem of problems) this.#problem(problem);
    for (const verdict of verdicts) this.#count(verdict, life);
  }

  #count(verdict: Verdict, life: Life): void {
    const counts = this.#counts;
    for (const what of ['published', 'received', 'missed', 'before', 'slots', 'locks'] as const) {
      counts[what] += verdict[what];
    }
    const role = life.plan.roles.find(({ id }) => id === verdict.role);
    if (role !== undefined && verdict.last.sequence > 0) this.#lasts.set(role.channel.index, verdict.last);
    for (const problem of verdict.problems) {
      this.#problem(`process ${life.plan.index}, role ${verdict.role}: ${problem}\n${describe(life)}`);
    }
  }

  /** Kills every process in a channel that has no auditor, so that the next ones find none and create it again. */
  async #empty(turn: number): Promise<void> {
    const candidates = this.#channels.filter(({ audited }) => !audited);
    const channel = candidates[turn % candidates.length];
    if (channel === undefined) return;
    const inIt = [...this.#lives].filter(([life]) =>
      life.plan.roles.some((role) => role.channel === channel),
    );
    for (const [life] of inIt) life.kill();
    await Promise.all(inIt.map(([, ending]) => ending));
    await Promise.all(this.#judging);
    const { problems } = await this.#auditor.ask({ order: 'empty', channel: channel.index });
    for (const problem of problems) this.#problem(`${channel.name}: ${problem}`);
    this.#lasts.delete(channel.index);
    this.#counts.emptied++;
  }
}

function describe({ plan, assignments }: Life): string {
  const roles = assignments.map(({ role, after }) => ({ ...role, channel: role.channel.index, after }));
  return JSON.stringify({ ...plan, roles });
}
