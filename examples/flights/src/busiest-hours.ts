import type { Flight } from './channel.js';
import { histogram } from './histogram.js';
import type { Summary } from './summary.js';
import { count } from './units.js';

const HOURS_A_DAY = 24;

/** Counts the flights that leave in each hour of the day. */
export class BusiestHours implements Summary {
  readonly #flights = new Float64Array(HOURS_A_DAY);

  add({ time }: Flight): void {
    this.#flights[Math.floor(time) % HOURS_A_DAY]! += 1;
  }

  report(): string {
    const hours = Array.from(this.#flights, (flights, hour) => ({ label: clock(hour), value: flights }));
    const busiest = hours.toSorted((a, b) => b.value - a.value).slice(0, 3);
    const names = busiest.map(({ label, value }) => `${label} (${count(value)})`).join(', ');
    return `Flights by hour of departure; busiest from ${names}\n${histogram(hours)}`;
  }
}

function clock(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}
