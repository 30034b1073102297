import { Child } from './child.js';
import type { AuditorCounts, AuditorOrder, AuditorReport, Verdict } from './protocol.js';

/** Milliseconds after which an auditor that does not answer hangs. */
const WATCHDOG = 60_000;

type Unnumbered<Order> = Order extends unknown ? Omit<Order, 'number'> : never;

/** What the auditor answered. */
export interface Answer {
  readonly verdicts: readonly Verdict[];
  readonly problems: readonly string[];
}

/** The auditor, as the one that gives the orders sees it. */
export class AuditorLink {
  counts: AuditorCounts = { received: 0, slots: 0, locks: 0 };
  readonly #child: Child<AuditorOrder, AuditorReport>;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #orders = 0;
  #finishing = false;

  /** @param onProblem is told of what the auditor finds by itself. */
  constructor(env: Readonly<Record<string, string>>, onProblem: (text: string) => void) {
    this.#child = new Child('auditor', env);
    this.#child.onReport = (report) => {
      if (report.report === 'problem') onProblem(report.text);
      else if (report.report === 'counts') this.counts = report.counts;
      else this.#answers.get(report.number)?.(report);
    };
    this.#child.ended.then(
      ({ status, signal, stderr }) => {
        if (!this.#finishing) onProblem(`the auditor ended with ${signal ?? `status ${status}`}\n${stderr}`);
        for (const answer of this.#answers.values()) answer({ verdicts: [], problems: [] });
      },
      (error: Error) => onProblem(`the auditor could not be started: ${error.message}`),
    );
  }

  ask(order: Unnumbered<AuditorOrder>): Promise<Answer> {
    const number = ++this.#orders;
    if (!this.#child.runs) return Promise.resolve({ verdicts: [], problems: ['the auditor is gone'] });
    return new Promise((resolve) => {
      const settle = (answer: Answer) => {
        clearTimeout(watchdog);
        this.#answers.delete(number);
        resolve(answer);
      };
      const watchdog = setTimeout(() => {
        settle({
          verdicts: [],
          problems: [`the auditor did not ${order.order} within ${WATCHDOG / 1000} s`],
        });
      }, WATCHDOG);
      this.#answers.set(number, settle);
      this.#child.order({ ...order, number } as AuditorOrder);
    });
  }

  /** Has it leave; the problems that it found last. */
  async finish(): Promise<readonly string[]> {
    this.#finishing = true;
    const { problems } = await this.ask({ order: 'finish' });
    const watchdog = setTimeout(() => this.#child.signal('SIGKILL'), WATCHDOG);
    const { signal, stderr } = await this.#child.ended;
    clearTimeout(watchdog);
    if (signal !== null) return [...problems, `the auditor ended with ${signal}\n${stderr}`];
    return problems;
  }
}
