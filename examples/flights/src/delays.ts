import type { Flight } from './channel.js';
import { histogram } from './histogram.js';
import type { Summary } from './summary.js';
import { count } from './units.js';

/** Minutes. */
const BUCKET = 15;
const LOWEST = -60;
const HIGHEST = 180;
/** A bucket below the lowest limit, and one above the highest. */
const BUCKETS: number = (HIGHEST - LOWEST) / BUCKET + 2;

/** Counts the flights by how late they arrived. */
export class Delays implements Summary {
  readonly #flights = new Float64Array(BUCKETS);
  #late = 0;
  #total = 0;

  add({ delay }: Flight): void {
    const bucket = Math.floor((delay - LOWEST) / BUCKET) + 1;
    this.#flights[Math.min(Math.max(bucket, 0), BUCKETS - 1)]! += 1;
    this.#total++;
    if (delay >= BUCKET) this.#late++;
  }

  report(): string {
    const bars = Array.from(this.#flights, (value, bucket) => ({ label: label(bucket), value }));
    const part = this.#total === 0 ? 0 : (this.#late / this.#total) * 100;
    const late = `${count(this.#late)} flights, ${part.toFixed(1)} %, ${BUCKET} minutes late or more`;
    return `Delays at arrival in minutes; ${late}\n${histogram(bars)}`;
  }
}

function label(bucket: number): string {
  const from = LOWEST + (bucket - 1) * BUCKET;
  if (bucket === 0) return `below ${LOWEST}`;
  if (bucket === BUCKETS - 1) return `${HIGHEST} and more`;
  return `${from} to ${from + BUCKET - 1}`;
}
