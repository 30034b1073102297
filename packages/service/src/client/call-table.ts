import { callLayout } from '@mmfbus/channel/internal';
import { atStep } from '../foundation/steps.js';
import type { InputSender } from './input-sender.js';
import type { Mailbox } from './mailbox.js';
import { OpenCall } from './open-call.js';
import type { ServerLink } from './server-link.js';

const { CELLS } = callLayout;

/** The calls of a client: those that have cells of its mailbox, those that wait in line, and those that are used again. */
export class CallTable {
  /** The mailbox whose cells they have. */
  mailbox!: Mailbox;
  /** Calls that wait for a server, for room or for a cell. */
  readonly line: Set<OpenCall> = new Set();
  /** What sends the streams that calls take, of those calls that a server has. */
  readonly inputs: Set<InputSender> = new Set();
  readonly #byCell: (OpenCall | undefined)[] = new Array(CELLS).fill(undefined);
  readonly #freeCells: number[] = Array.from({ length: CELLS }, (_, index) => CELLS - 1 - index);
  readonly #idle: OpenCall[] = [];
  readonly #schedule: () => void;
  #lastId = 0;

  /** @param schedule has the client look at the line soon. */
  constructor(schedule: () => void) {
    this.#schedule = schedule;
  }

  /** A call without a cell. */
  create(): OpenCall {
    return this.#idle.pop() ?? new OpenCall();
  }

  /** Gives a call a cell and a new id; false where no cell is free. */
  claim(call: OpenCall): boolean {
    const cell = this.#freeCells.pop();
    if (cell === undefined) return false;
    call.cell = cell;
    call.id = ++this.#lastId;
    this.#byCell[cell] = call;
    return true;
  }

  /** Takes its cell from it, where it has one. */
  release(call: OpenCall): void {
    const { cell } = call;
    if (cell >= 0) {
      this.mailbox.cells.free(cell, call.id);
      this.#byCell[cell] = undefined;
      this.#freeCells.push(cell);
      call.cell = -1;
    }
    if (call.input !== undefined) this.inputs.delete(call.input);
    // INVARIANT: no call hangs. One that waits in line for a cell goes on, also where no answer comes that would wake this client.
    if (this.line.size > 0) this.#schedule();
  }

  /** The call is over, for its program and for its server. */
  finish(call: OpenCall): void {
    // INVARIANT: no answer is given to another call. A call that is used again has no cell.
    this.release(call);
    call.clear();
    if (this.#idle.length < CELLS) this.#idle.push(call);
  }

  /** Takes a call back that its server has not started, and will not. Returns whether it could. */
  withdraw(call: OpenCall): boolean {
    if (!this.mailbox.cells.withdraw(call.cell, call.id)) return false;
    atStep?.('call: withdrawn');
    return true;
  }

  /** Tells its server that the program does not wait for the answer. */
  cancel(call: OpenCall): void {
    if (!this.mailbox.cells.cancel(call.cell, call.id)) return;
    atStep?.('call: cancelled');
    call.link?.ring();
  }

  /** The cell is the call's until its last answer was read, or its server is gone. */
  abandon(call: OpenCall): void {
    call.state = 'abandoned';
    call.sending?.abort();
  }

  /** The call that has the cell. */
  at(cell: number): OpenCall | undefined {
    return this.#byCell[cell];
  }

  /** All calls that have cells. */
  all(): OpenCall[] {
    return this.#byCell.filter((call) => call !== undefined);
  }

  /** Those that a server has. */
  of(link: ServerLink): OpenCall[] {
    return this.#byCell.filter((call): call is OpenCall => call?.link === link);
  }
}
