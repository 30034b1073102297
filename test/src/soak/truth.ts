/** Messages in a block of memory. */
const BLOCK = 1 << 16;

interface Block {
  readonly publishers: Uint32Array;
  readonly counters: Uint32Array;
  readonly stamps: Float64Array;
  readonly seen: Float64Array;
}

/**
 * What was published in a channel, by sequence number, as its auditor saw it: from number 1 on, without holes. What no process
 * asks for any more is forgotten.
 */
export class Truth {
  readonly #blocks = new Map<number, Block>();
  /** When those messages were begun that were split: the numbers of the others need not be kept. */
  readonly #splits = new Map<number, number>();
  #last = 0;
  #first = 1;

  /** Number of the last message; 0 for none. */
  get last(): number {
    return this.#last;
  }

  /** Number of the oldest message that is not forgotten. */
  get first(): number {
    return this.#first;
  }

  /**
   * Adds the next message.
   *
   * @param stamp when it was published. @param seen when the auditor got it.
   */
  add(publisher: number, counter: number, stamp: number, seen: number): void {
    const sequence = ++this.#last;
    const key = Math.floor(sequence / BLOCK);
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = {
        publishers: new Uint32Array(BLOCK),
        counters: new Uint32Array(BLOCK),
        stamps: new Float64Array(BLOCK),
        seen: new Float64Array(BLOCK),
      };
      this.#blocks.set(key, block);
    }
    const index = sequence % BLOCK;
    block.publishers[index] = publisher;
    block.counters[index] = counter;
    block.stamps[index] = stamp;
    block.seen[index] = seen;
  }

  /** Says of the last message that it was split, and when its publisher began with it. */
  markSplit(begun: number): void {
    this.#splits.set(this.#last, begun);
  }

  publisherOf(sequence: number): number {
    return this.#at(sequence).publishers[sequence % BLOCK] as number;
  }

  counterOf(sequence: number): number {
    return this.#at(sequence).counters[sequence % BLOCK] as number;
  }

  /** When its publisher began with it; undefined for one that was not split. */
  splitBegun(sequence: number): number | undefined {
    return this.#splits.get(sequence);
  }

  /** Number of the last message that the auditor had got before that time; one less than the first that is known if none. */
  lastSeenBefore(time: number): number {
    return this.#lastWhere((block, index) => (block.seen[index] as number) < time);
  }

  /** Number of the first message that was published after that time; one more than the last if none was yet. */
  firstStampedAfter(time: number): number {
    return this.#lastWhere((block, index) => (block.stamps[index] as number) <= time) + 1;
  }

  /** Forgets the messages before that one. */
  forgetBefore(sequence: number): void {
    this.#first = Math.max(this.#first, Math.min(sequence, this.#last + 1));
    const key = Math.floor(this.#first / BLOCK);
    for (const old of this.#blocks.keys()) if (old < key) this.#blocks.delete(old);
    for (const split of this.#splits.keys()) if (split < this.#first) this.#splits.delete(split);
  }

  #at(sequence: number): Block {
    if (sequence < this.#first || sequence > this.#last) {
      throw new RangeError(`message ${sequence} is not among ${this.#first} to ${this.#last}`);
    }
    return this.#blocks.get(Math.floor(sequence / BLOCK)) as Block;
  }

  /** The last message for which it holds, where it holds for all before. */
  #lastWhere(holds: (block: Block, index: number) => boolean): number {
    let low = this.#first - 1;
    let high = this.#last;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (holds(this.#at(middle), middle % BLOCK)) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
