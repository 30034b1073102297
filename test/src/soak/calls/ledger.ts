import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { METHODS, type MethodName } from './service.js';

/*
 * A ledger is a file of lines, each written at once, so that it is there after the process was killed:
 *
 *   c <key> <method> <limit>     a call is made, which its program gives up by nothing, its time or its signal
 *   e <key> ok                   it was answered, and rightly
 *   e <key> <code> <started>     it failed; <started> is `false` or `maybe`
 *   r <key>                      its handler runs
 */

/** By what a program gives a call up before it must have an outcome. */
export type Limit = 'none' | 'time' | 'signal';

/** Writes down what a process does. */
export class LedgerWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  called(key: number, method: MethodName, limit: Limit): void {
    this.#write(`c ${key} ${METHODS.indexOf(method)} ${limit}`);
  }

  ended(key: number, outcome: string): void {
    this.#write(`e ${key} ${outcome}`);
  }

  ran(key: number): void {
    this.#write(`r ${key}`);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: string): void {
    writeSync(this.#file, `${line}\n`);
  }
}

/** What became of one call. */
export interface CallRecord {
  readonly key: number;
  method: MethodName | undefined;
  limit: Limit;
  /** Undefined where its caller died before it had one. */
  outcome: string | undefined;
  /** How many outcomes it had. */
  outcomes: number;
  /** How often its handler ran. */
  runs: number;
}

/** What all ledgers together say, by the keys of the calls. */
export class CallRecords {
  readonly #records = new Map<number, CallRecord>();
  /** Lines that say nothing that can be understood. */
  readonly problems: string[] = [];

  /** Reads the ledger of a process that has ended. */
  read(path: string): void {
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line === '') continue;
      const [kind, number, ...rest] = line.split(' ');
      const record = this.#of(Number(number));
      if (kind === 'c') {
        record.method = METHODS[Number(rest[0])];
        record.limit = rest[1] as Limit;
      } else if (kind === 'r') record.runs++;
      else if (kind === 'e') {
        record.outcome = rest.join(' ');
        record.outcomes++;
      } else this.problems.push(`${path} has the line ${JSON.stringify(line)}`);
    }
  }

  all(): IterableIterator<CallRecord> {
    return this.#records.values();
  }

  #of(key: number): CallRecord {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = { key, method: undefined, limit: 'none', outcome: undefined, outcomes: 0, runs: 0 };
      this.#records.set(key, record);
    }
    return record;
  }
}
