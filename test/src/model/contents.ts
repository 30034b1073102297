import type { Value } from './operations.js';
import type { Places } from './world.js';

/** What shared memory holds at one moment. Equal contents are one object. */
export interface Contents {
  readonly id: number;
  readonly values: readonly (Value | undefined)[];
}

interface Known extends Contents {
  readonly after: Map<number, Map<Value, Known>>;
}

/** Every contents of shared memory that was ever seen. */
export class Memory {
  readonly #cells: Places;
  readonly #known = new Map<string, Known>();

  constructor(cells: Places) {
    this.#cells = cells;
  }

  /** Nothing but zeros. */
  empty(): Contents {
    return this.#intern([]);
  }

  read({ values }: Contents, cell: number): Value {
    return values[cell] ?? (this.#cells.zeros[cell] as Value);
  }

  write(contents: Contents, cell: number, value: Value): Contents {
    const { after } = contents as Known;
    let byValue = after.get(cell);
    if (byValue === undefined) {
      byValue = new Map();
      after.set(cell, byValue);
    }
    let written = byValue.get(value);
    if (written === undefined) {
      const values = [...contents.values];
      values[cell] = value;
      written = this.#intern(values);
      byValue.set(value, written);
    }
    return written;
  }

  #intern(values: (Value | undefined)[]): Known {
    const zeros = this.#cells.zeros;
    while (values.length > 0 && (values.at(-1) ?? zeros[values.length - 1]) === zeros[values.length - 1])
      values.pop();
    const key = zeros
      .slice(0, values.length)
      .map((zero, cell) => values[cell] ?? zero)
      .join(',');
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { id: this.#known.size, values, after: new Map() };
      this.#known.set(key, known);
    }
    return known;
  }
}
