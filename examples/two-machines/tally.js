import { createHash } from 'node:crypto';

/** Counts values that are numbered from 1 on, and computes a checksum, which depends on their order. */
export class Tally {
  count = 0;
  /** Numbers that were left out, and values whose number was not above the last one. */
  missing = 0;
  repeated = 0;
  last = 0;
  #hash = createHash('sha256');
  #awaited = [];

  add(number, value) {
    this.count++;
    if (number <= this.last) this.repeated++;
    else this.missing += number - this.last - 1;
    this.last = Math.max(this.last, number);
    this.#hash.update(JSON.stringify(value));
    this.#awaited = this.#awaited.filter(({ until, resolve }) => until > this.last || resolve());
  }

  /** Waits for the value of that number, or a later one. */
  async reached(until) {
    if (until > this.last) await new Promise((resolve) => this.#awaited.push({ until, resolve }));
  }

  toJSON() {
    const { count, missing, repeated } = this;
    return { count, missing, repeated, checksum: this.#hash.copy().digest('hex').slice(0, 8) };
  }
}
