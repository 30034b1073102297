import { type ChannelMemory, callLayout } from '@mmfbus/channel/internal';

const {
  ACCEPTED_OFFSET,
  CALLER_WAITS,
  CELL_CANCELLED,
  CELL_FREE,
  CELL_LENGTH,
  CELL_STARTED,
  CELL_STATE_BITS,
  CELL_WAITING,
  CELL_WITHDRAWN,
  CELLS,
  GRANTED_OFFSET,
  SERVER_WAITS,
  STREAM_WINDOW,
  WAITS_OFFSET,
  WORD_OFFSET,
} = callLayout;

const GRANTED: number = GRANTED_OFFSET >> 2;
const ACCEPTED: number = ACCEPTED_OFFSET >> 2;
const WAITS: number = WAITS_OFFSET >> 2;

/** A stream of a call, by the side that sends its items. */
export type Direction = 'answers' | 'inputs';

/*
 * The word of a cell (I: low bits of the id of the call, S: the state):
 *
 *   bit  31                      3 2 1 0
 *        I I I ... I I I I I I I I S S S
 *
 * It is changed by compare-exchange only, from the id of the call that is meant: of a call that waits, either the server makes
 * one that has started, or the caller one that is withdrawn.
 */

/** The cells of a mailbox, as its client and the servers of its calls use them. */
export class Cells {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #start: number;

  constructor({ words, geometry }: ChannelMemory) {
    this.#words = words;
    this.#start = (geometry.regionOffset + WORD_OFFSET) >> 2;
  }

  /** Whether there is a cell of that number. */
  static has(cell: number): boolean {
    return cell < CELLS;
  }

  /** The caller takes a free cell for a call. Before the call is published. */
  prepare(cell: number, id: number): void {
    const word = this.#wordOf(cell);
    Atomics.store(this.#words, word + GRANTED, STREAM_WINDOW);
    Atomics.store(this.#words, word + ACCEPTED, 0);
    Atomics.store(this.#words, word + WAITS, 0);
    Atomics.store(this.#words, word, wordOf(id, CELL_WAITING));
  }

  /** The caller is done with the cell. */
  free(cell: number, id: number): void {
    Atomics.store(this.#words, this.#wordOf(cell), wordOf(id, CELL_FREE));
  }

  /** The server is to run the call: true where it may, and nothing else may then withdraw the call. */
  start(cell: number, id: number): boolean {
    // SYNC: started or withdrawn. Of this exchange and that of the caller only one finds the call waiting.
    // INVARIANT: a call that is withdrawn never runs. Only this exchange lets a handler run.
    return this.#exchange(cell, id, CELL_WAITING, CELL_STARTED);
  }

  /** Whether the caller waits for the call to start. Stale on arrival. */
  isWaiting(cell: number, id: number): boolean {
    return Atomics.load(this.#words, this.#wordOf(cell)) === wordOf(id, CELL_WAITING);
  }

  /** The caller takes the call back: true where it has not started, and now never will. */
  withdraw(cell: number, id: number): boolean {
    // SYNC: started or withdrawn. Of this exchange and that of the server only one finds the call waiting.
    return this.#exchange(cell, id, CELL_WAITING, CELL_WITHDRAWN);
  }

  /** The caller gives up a call that has started: true where the server is to be told. */
  cancel(cell: number, id: number): boolean {
    // SYNC: cancelled. Exchanged before the caller looks whether the server sleeps.
    return this.#exchange(cell, id, CELL_STARTED, CELL_CANCELLED);
  }

  /** Whether the call has started and is not given up. Not ordered: for a server that looks again and again. */
  isRunning(cell: number, id: number): boolean {
    return this.#words[this.#wordOf(cell)] === wordOf(id, CELL_STARTED);
  }

  /** The same after the server has said that it sleeps. */
  isRunningNow(cell: number, id: number): boolean {
    // SYNC: cancelled. Loaded after this server has said that it sleeps.
    return Atomics.load(this.#words, this.#wordOf(cell)) === wordOf(id, CELL_STARTED);
  }

  /**
   * Raises the credit of a stream. Added, so that a server that was taken for dead does no harm to the next call in the cell.
   *
   * @returns whether the side that sends may sleep, and is to be rung.
   */
  permit(cell: number, direction: Direction, bytes: number): boolean {
    const word = this.#wordOf(cell);
    // SYNC: credit. Raised before this looks whether the other side waits for it.
    Atomics.add(this.#words, word + creditFieldOf(direction), bytes);
    // The bit is left to its owner: cleared here, it might be that of the next wait, which has begun meanwhile.
    return (Atomics.load(this.#words, word + WAITS) & senderOf(direction)) !== 0;
  }

  /** Bytes that may be sent in all, modulo 2^32: only ever raised. */
  creditOf(cell: number, direction: Direction): number {
    return Atomics.load(this.#words, this.#wordOf(cell) + creditFieldOf(direction));
  }

  /** Whether an item may be sent of which so many bytes were sent before, modulo 2^32. */
  hasCredit(cell: number, direction: Direction, sent: number): boolean {
    return ((this.creditOf(cell, direction) - sent) | 0) > 0;
  }

  /** The side that sends has no credit, and is to be rung when it has. After this it looks again. */
  awaitCredit(cell: number, direction: Direction): void {
    // SYNC: credit. The bit is set before this side looks again at the credit.
    Atomics.or(this.#words, this.#wordOf(cell) + WAITS, senderOf(direction));
  }

  /** The side that sends goes on, and is not to be rung any more. */
  endWait(cell: number, direction: Direction): void {
    Atomics.and(this.#words, this.#wordOf(cell) + WAITS, ~senderOf(direction));
  }

  #exchange(cell: number, id: number, from: number, to: number): boolean {
    const before = wordOf(id, from);
    return Atomics.compareExchange(this.#words, this.#wordOf(cell), before, wordOf(id, to)) === before;
  }

  #wordOf(cell: number): number {
    return this.#start + cell * (CELL_LENGTH >> 2);
  }
}

function creditFieldOf(direction: Direction): number {
  return direction === 'answers' ? GRANTED : ACCEPTED;
}

/** The bit of the side that sends in that direction. */
function senderOf(direction: Direction): number {
  return direction === 'answers' ? SERVER_WAITS : CALLER_WAITS;
}

/** Ids may be beyond 32 bits, which shifts cut to their low ones. */
function wordOf(id: number, state: number): number {
  return (id << CELL_STATE_BITS) | state;
}
