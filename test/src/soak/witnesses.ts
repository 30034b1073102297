import type { EndedSubscriber, Findings } from './judge-subscriber.js';
import { ALTERED, type Entry, GAP, type LedgerContents } from './ledger.js';

/**
 * What the subscribers of a channel saw that has no auditor, from one time when every process had left it to the next. They
 * are compared with each other: each message of each publisher has one number, in every witness.
 */
export class Witnesses {
  /** For each publisher the numbers of its messages in the channel, by its own counter; 0 for one that no subscriber saw. */
  readonly #numbers = new Map<number, number[]>();
  /** How many messages each publisher began to publish. */
  readonly #intended = new Map<number, number>();
  #last = 0;

  /** Takes what a publisher wrote down. */
  addPublisher(id: number, { intended }: LedgerContents): void {
    this.#intended.set(id, intended);
  }

  /** Takes what a subscriber wrote down. */
  addSubscriber({ role, after, ledger }: EndedSubscriber): Findings {
    const problems: string[] = [];
    const { entries } = ledger;
    let received = 0;
    let missed = 0;
    let next = after === undefined ? entries[0]?.sequence : after + 1;
    const counters = new Map<number, number>();
    for (const entry of entries) {
      const { sequence, count, publisher } = entry;
      if (sequence !== next) problems.push(`${sequence} came where ${next} was due`);
      next = sequence + count;
      this.#last = Math.max(this.#last, next - 1);
      if (publisher === GAP) {
        missed += count;
        counters.clear();
        const expected = role.delivery === 'lossy' || (entry === entries[0] && after !== undefined);
        if (!expected) problems.push(`it is reliable and missed ${count} from ${sequence} on`);
      } else {
        received += count;
        this.#addMessages(entry, counters, problems);
      }
    }
    if (ledger.joined === 0 && entries.length > 0) problems.push('it got messages before it had joined');
    const last = next === undefined ? 0 : next - 1;
    return { problems: problems.slice(0, 5), received, missed, before: 0, last };
  }

  #addMessages(
    { sequence, publisher, counter, count }: Entry,
    counters: Map<number, number>,
    problems: string[],
  ): void {
    if (publisher === ALTERED) {
      problems.push(`${sequence} was altered`);
      return;
    }
    const due = counters.get(publisher);
    if (due !== undefined && due !== counter) {
      problems.push(`message ${counter} of ${publisher} came as ${sequence}, where its ${due} was due`);
    }
    counters.set(publisher, counter + count);
    let numbers = this.#numbers.get(publisher);
    if (numbers === undefined) {
      numbers = [0];
      this.#numbers.set(publisher, numbers);
    }
    while (numbers.length < counter + count) numbers.push(0);
    for (let index = 0; index < count; index++) {
      const known = numbers[counter + index] as number;
      if (known !== 0 && known !== sequence + index) {
        problems.push(
          `message ${counter + index} of ${publisher} came as ${sequence + index}, and as ${known}`,
        );
        return;
      }
      numbers[counter + index] = sequence + index;
    }
  }

  /** To be asked when no process is left in the channel and all were judged: nothing can be there that was never published. */
  problems(): string[] {
    const problems: string[] = [];
    for (const [publisher, numbers] of this.#numbers) {
      const begun = this.#intended.get(publisher) ?? 0;
      const seen = numbers.length - 1;
      if (seen > begun)
        problems.push(`message ${seen} of publisher ${publisher} was seen; it had begun ${begun}`);
    }
    let total = 0;
    for (const begun of this.#intended.values()) total += begun;
    if (this.#last > total) {
      problems.push(`message ${this.#last} was seen; ${total} were begun since the channel was empty`);
    }
    return problems;
  }
}
