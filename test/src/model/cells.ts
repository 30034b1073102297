import type { Layout } from './layouts.js';
import type { Value } from './operations.js';

/** Where the ring lies in the addresses of {@link Cells}: behind every table that a model has. */
export const RING_BASE = 0x10000;

/** Fields of a slot whose low and high words are written plainly, by their owner. */
const STATISTIC = /^(?:messages|bytes|full|missed|wakeUps|busy|\+\d+)$/;

/** Fields that say of a slot's owner what the model has no use for: there, a process is known by its pid alone. */
const IDENTITY = /^(?:startTime|pidNamespace|threadId|threadStartTime|joinedAt)$/;

/** The places of shared memory that were ever accessed, each a word of 32 or 64 bits. */
export class Cells {
  readonly names: string[] = [];
  /** What stands there before any process wrote. */
  readonly zeros: Value[] = [];
  readonly offsets: number[] = [];
  readonly #index = new Map<number, number>();
  readonly #header: Layout;
  readonly #slot: Layout;
  readonly #slotsFrom: number;

  constructor(header: Layout, slot: Layout) {
    this.#header = header;
    this.#slot = slot;
    this.#slotsFrom = header.length;
  }

  at(offset: number, wide: boolean): number {
    let cell = this.#index.get(offset);
    if (cell === undefined) {
      cell = this.names.length;
      this.#index.set(offset, cell);
      this.names.push(this.#nameOf(offset));
      this.zeros.push(wide ? 0n : 0);
      this.offsets.push(offset);
    }
    if ((typeof this.zeros[cell] === 'bigint') !== wide) {
      throw new Error(`${this.names[cell]} is accessed in two widths`);
    }
    return cell;
  }

  /** The place of a field of the header. */
  header(name: string, wide = false): number {
    return this.at(this.#header.offsetOf(name), wide);
  }

  /** The place of a field of a slot. */
  slot(slot: number, name: string, wide = false): number {
    return this.at(this.#slotsFrom + slot * this.#slot.length + this.#slot.offsetOf(name), wide);
  }

  /** The slot and field that an offset lies in; undefined outside of the table. */
  fieldOf(offset: number): { readonly slot: number; readonly field: string } | undefined {
    if (offset < this.#slotsFrom || offset >= RING_BASE) return undefined;
    const slot = Math.floor((offset - this.#slotsFrom) / this.#slot.length);
    return { slot, field: nameIn(this.#slot, (offset - this.#slotsFrom) % this.#slot.length) };
  }

  /** The offset of the field of 64 bits that this word of 32 is a half of; undefined where there is none. */
  wideFieldAt(offset: number): number | undefined {
    const whole = offset & -8;
    const isInSlot = offset >= this.#slotsFrom;
    const { fields } = isInSlot ? this.#slot : this.#header;
    const place = isInSlot ? (whole - this.#slotsFrom) % this.#slot.length : whole;
    const isWide = offset < RING_BASE && fields.some((field) => field.offset === place && field.length === 8);
    return isWide ? whole : undefined;
  }

  /** Whether no process decides anything by what stands there, as by counters, which are for people. */
  decidesNothing(offset: number): boolean {
    const field = this.fieldOf(offset)?.field ?? '';
    return STATISTIC.test(field) || IDENTITY.test(field);
  }

  #nameOf(offset: number): string {
    if (offset >= RING_BASE) return `ring[${offset - RING_BASE}]`;
    const place = this.fieldOf(offset);
    return place === undefined ? nameIn(this.#header, offset) : `slot ${place.slot} ${place.field}`;
  }
}

function nameIn(layout: Layout, offset: number): string {
  return layout.fields.find((field) => field.offset === offset)?.name ?? `+${offset}`;
}
