import type { Flight } from './channel.js';
import type { Summary } from './summary.js';
import { count } from './units.js';

/** Once around the Earth at the equator, miles. */
const AROUND_THE_EARTH = 24_901;

/** The shortest and the longest flight, and how far all went together. */
export class Distances implements Summary {
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;
  #sum = 0;
  #flights = 0;

  add({ distance }: Flight): void {
    this.#shortest = Math.min(this.#shortest, distance);
    this.#longest = Math.max(this.#longest, distance);
    this.#sum += distance;
    this.#flights++;
  }

  report(): string {
    if (this.#flights === 0) return 'Distances in miles; no flights';
    return [
      'Distances in miles',
      `  shortest ${count(this.#shortest)}`,
      `  longest  ${count(this.#longest)}`,
      `  mean     ${count(this.#sum / this.#flights)}`,
      `  together ${count(this.#sum)}, ${count(this.#sum / AROUND_THE_EARTH)} times around the Earth`,
    ].join('\n');
  }
}
