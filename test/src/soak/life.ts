import type { ChildEnd } from './child.js';
import type { LifePlan } from './life-plan.js';
import type { Agent } from './pool.js';
import type { Assignment } from './protocol.js';

/** Milliseconds after which a process that was told to leave in good order hangs. */
const WATCHDOG = 45_000;

/** How a life ended. */
export interface LifeEnd {
  readonly killed: boolean;
  readonly problems: readonly string[];
}

/** One process that plays its roles, from its orders to its end. */
export class Life {
  readonly plan: LifePlan;
  readonly assignments: readonly Assignment[];
  readonly ended: Promise<LifeEnd>;
  /** How often it was stopped, and how many of its Workers were terminated. */
  pauses = 0;
  terminated = 0;
  readonly #agent: Agent;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #faults: string[] = [];
  #mayDie: boolean;
  #mayExit = false;

  constructor(plan: LifePlan, assignments: readonly Assignment[], agent: Agent) {
    this.plan = plan;
    this.assignments = assignments;
    this.#agent = agent;
    this.#mayDie = plan.death !== undefined;
    agent.onReport = (report) => {
      if (report.report === 'fault') this.#faults.push(`role ${report.role}: ${report.text}`);
    };
    this.ended = agent.ended.then((end) => this.#end(end));
    agent.order({ order: 'live', life: plan, assignments });
    this.#schedule();
  }

  #schedule(): void {
    const { length, end, pauses, terminate } = this.plan;
    for (const pause of pauses) {
      this.#at(pause.at, () => {
        this.pauses++;
        this.#agent.signal('SIGSTOP');
      });
      this.#at(pause.at + pause.length, () => this.#agent.signal('SIGCONT'));
    }
    if (terminate !== undefined) {
      this.#at(terminate, () => {
        this.terminated = this.assignments.filter(({ role }) => role.worker).length;
        this.#agent.order({ order: 'terminate' });
      });
    }
    this.#at(length, () => (end === 'kill' ? this.kill() : this.leave(end)));
  }

  #at(milliseconds: number, action: () => void): void {
    this.#timers.push(setTimeout(action, milliseconds));
  }

  kill(): void {
    this.#mayDie = true;
    this.#agent.signal('SIGKILL');
  }

  /** Has it end in good order. */
  leave(how: 'close' | 'exit'): void {
    if (this.#mayExit) return;
    this.#mayExit = true;
    // Windows does not even know that signal.
    if (this.plan.pauses.length > 0) this.#agent.signal('SIGCONT');
    this.#agent.order({ order: how });
    this.#at(WATCHDOG, () => {
      this.#faults.push(`it did not leave within ${WATCHDOG / 1000} s (${how})`);
      this.#agent.signal('SIGKILL');
    });
  }

  #end({ status, signal, stderr }: ChildEnd): LifeEnd {
    for (const timer of this.#timers) clearTimeout(timer);
    const atOwnHand = process.platform === 'win32' && status === 1 && stderr === '';
    const killed = signal === 'SIGKILL' || (this.#mayDie && atOwnHand);
    const expected = killed ? this.#mayDie : status === 0 && this.#mayExit;
    const problems = [...this.#faults];
    if (!expected) problems.push(`it ended with ${signal ?? `status ${status}`} on its own`);
    if (stderr !== '') problems.push(`it wrote: ${stderr}`);
    return { killed, problems };
  }
}
