import { Child } from './child.js';
import type { AgentOrder, AgentReport } from './protocol.js';

export type Agent = Child<AgentOrder, AgentReport>;

/** Processes that are started ahead: loading everything takes a process longer than many of them live. */
export class Pool {
  readonly #size: number;
  readonly #env: Readonly<Record<string, string>>;
  readonly #waiting: Promise<Agent>[] = [];

  constructor(size: number, env: Readonly<Record<string, string>>) {
    this.#size = size;
    this.#env = env;
    this.#fill();
  }

  /** A process that waits for its orders. */
  async take(): Promise<Agent> {
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

  #start(): Promise<Agent> {
    const agent: Agent = new Child('agent', this.#env);
    return new Promise((resolve, reject) => {
      agent.onReport = () => resolve(agent);
      agent.ended.then(({ status, stderr }) => {
        reject(new Error(`a process ended with status ${status} before it was ready\n${stderr}`));
      }, reject);
    });
  }
}
