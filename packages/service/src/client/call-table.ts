import { callLayout } from '@mmfbus/channel/internal';
import type { Cells } from '../wire/cells.js';
import { OpenCall } from './open-call.js';
import type { ServerLink } from './server-link.js';

const { CELLS } = callLayout;

/** The cells of a client's mailbox, and the calls that have them; and calls that are used again. */
export class CallTable {
  readonly #byCell: (OpenCall | undefined)[] = new Array(CELLS).fill(undefined);
  readonly #freeCells: number[] = Array.from({ length: CELLS }, (_, index) => CELLS - 1 - index);
  readonly #idle: OpenCall[] = [];
  #lastId = 0;

  /** A call without a cell. */
  create(): OpenCall {
    return this.#idle.pop() ?? new OpenCall();
  }

  /** A call that is over, and has no cell. */
  recycle(call: OpenCall): void {
    call.clear();
    if (this.#idle.length < CELLS) this.#idle.push(call);
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

  /** Takes its cell from it. */
  release(call: OpenCall, cells: Cells): void {
    const { cell } = call;
    if (cell < 0) return;
    cells.free(cell, call.id);
    this.#byCell[cell] = undefined;
    this.#freeCells.push(cell);
    call.cell = -1;
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
