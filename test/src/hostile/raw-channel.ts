import { openSegment, type Segment } from '@mmfbus/core/internal';
import { rawMemory } from '../support/raw-memory.js';
import { FRAME_ALIGNMENT, frameTable, headerTable, slotTable } from './format-tables.js';

/** What stands before a frame's payload. */
export interface FrameHeader {
  /** Bytes of payload. */
  readonly length: number;
  readonly kind: number;
  readonly publisher: number;
  readonly sequence: number;
}

/** A channel's memory as any process sees it that maps it: bytes at places that FORMAT.md tells. */
export class RawChannel {
  readonly view: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly slots: number;
  readonly ringOffset: number;
  readonly ringCapacity: number;
  readonly #segment: Segment;

  /** @param name of the channel. */
  constructor(name: string) {
    this.#segment = openSegment({ name, disposition: 'open', size: 0 });
    const memory = rawMemory(this.#segment.memory);
    this.view = new DataView(memory);
    this.bytes = new Uint8Array(memory, 0, this.#segment.size);
    this.slots = this.#word('participantCount');
    this.ringOffset = this.long('ringOffset');
    this.ringCapacity = this.long('ringCapacity');
  }

  #word(field: string): number {
    return this.view.getUint32(headerTable.offsetOf(field), true);
  }

  /** A field of 64 bits of the header. */
  long(field: string): number {
    return Number(this.view.getBigInt64(headerTable.offsetOf(field), true));
  }

  get tail(): number {
    return this.long('tail');
  }

  /** How many slots were ever claimed, as far as that makes sense. */
  get slotsUsed(): number {
    return Math.min(this.#word('slotsUsed'), this.slots);
  }

  slotOffset(slot: number): number {
    return headerTable.length + slot * slotTable.length;
  }

  /** Where in the segment a position of the ring lies. */
  placeOf(position: number): number {
    return this.ringOffset + (position % this.ringCapacity);
  }

  frameAt(position: number): FrameHeader {
    const place = this.placeOf(position);
    return {
      length: this.view.getUint32(place + frameTable.offsetOf('length'), true),
      kind: this.view.getUint8(place + frameTable.offsetOf('kind')),
      publisher: this.view.getUint16(place + frameTable.offsetOf('publisher'), true),
      sequence: Number(this.view.getBigUint64(place + frameTable.offsetOf('sequence'), true)),
    };
  }

  /** Whether a frame may stand there. */
  isPosition(position: number): boolean {
    return Number.isSafeInteger(position) && position >= 0 && position % FRAME_ALIGNMENT === 0;
  }

  /** Frees the publisher lock of any holder. */
  freeLock(): void {
    this.view.setUint32(headerTable.offsetOf('publisherLock'), 0, true);
  }

  /** Has every process look at all slots. */
  countAllSlots(): void {
    this.view.setUint32(headerTable.offsetOf('slotsUsed'), this.slots, true);
  }

  /** Does nothing to other processes that have it open. */
  close(): void {
    this.#segment.close();
  }
}
