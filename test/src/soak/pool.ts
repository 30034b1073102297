import { Child } from './child.js';
import type { AgentOrder, AgentReport } from './protocol.js';

export type Agent = Child<AgentOrder, AgentReport>;

/** What every agent of a soak is told to end by. */
interface Exit {
  readonly order: 'exit';
}

/** Processes that are started ahead: loading everything takes a process longer than many of them live. */
export class Pool<Order = AgentOrder, Report = AgentReport> {
  readonly #program: string;
  readonly #size: number;
  readonly #env: Readonly<Record<string, string>>;
  readonly #waiting: Promise<Child<Order | Exit, Report>>[] = [];

  /** @param program of the agents, by its path in this folder. */
  constructor(program: string, size: number, env: Readonly<Record<string, string>>) {
    this.#program = program;
    this.#size = size;
    this.#env = env;
    this.#fill();
  }

  /** A process that waits for its orders. */
  async take(): Promise<Child<Order | Exit, Report>> {
    const agent = this.#waiting.shift() ?? this.#start();
    this.#fill();
    return agent;
  }

  /** Ends those that wait. */
  async close(): Promise<void> {
    for (const starting of this.#waiting.splice(0)) {
      const agent = await starting.catch(() => undefined);
      agent?.order({ order: 'exit' });
      await agent?.ended;
    }
  }

  #fill(): void {
    while (this.#waiting.length < this.#size) {
      const starting = this.#start();
      // The process that takes it hears of it.
      starting.catch(() => {});
      this.#waiting.push(starting);
    }
  }

  #start(): Promise<Child<Order | Exit, Report>> {
    const agent = new Child<Order | Exit, Report>(this.#program, this.#env);
    return new Promise((resolve, reject) => {
      agent.onReport = () => resolve(agent);
      agent.ended.then(({ status, stderr }) => {
        reject(new Error(`a process ended with status ${status} before it was ready\n${stderr}`));
      }, reject);
    });
  }
}
