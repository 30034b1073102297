/** Steps between two powers of two: values are known to about 3 %. */
const STEPS = 32;
const LEVELS = 64;
const BARS = '▁▂▃▄▅▆▇█';

/** Counts values of 1 and above in steps that grow with them: any number of values takes the same memory. */
export class Histogram {
  readonly #counts = new Float64Array(STEPS * LEVELS);
  #count = 0;
  #largest = 0;

  add(value: number): void {
    const index = Math.max(
      0,
      Math.min(this.#counts.length - 1, Math.floor(Math.log2(Math.max(1, value)) * STEPS)),
    );
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
    this.#largest = Math.max(this.#largest, value);
  }

  /** How many values there are. */
  get count(): number {
    return this.#count;
  }

  /** The largest value; 0 where there is none. */
  get largest(): number {
    return this.#largest;
  }

  /** A value that this part of the values does not exceed; 0 where there is none. */
  quantile(part: number): number {
    let left = Math.ceil(this.#count * part);
    if (left === 0) return 0;
    for (const [index, counted] of this.#counts.entries()) {
      left -= counted;
      if (left <= 0) return Math.min(this.#largest, 2 ** ((index + 1) / STEPS));
    }
    return this.#largest;
  }

  /** How many values lie between each two powers of two, from the first to the last with any. */
  octaves(): readonly { readonly from: number; readonly count: number }[] {
    const all = Array.from({ length: LEVELS }, (_, level) => ({
      from: 2 ** level,
      count: this.#counts.subarray(level * STEPS, (level + 1) * STEPS).reduce((sum, one) => sum + one, 0),
    }));
    const first = all.findIndex(({ count }) => count > 0);
    const last = all.findLastIndex(({ count }) => count > 0);
    return first < 0 ? [] : all.slice(first, last + 1);
  }
}

/** Numbers as a row of bars, the largest one as high as a line. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 0);
  return values
    .map((value) => {
      if (value <= 0 || most === 0) return ' ';
      return BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))] as string;
    })
    .join('');
}
