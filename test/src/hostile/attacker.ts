import { openSegment, type Segment } from '@mmfbus/core/internal';
import type { Random } from '../support/random.js';
import { rawMemory } from '../support/raw-memory.js';

// Places as FORMAT.md has them.
const HEADER_LENGTH = 512;
const SLOT_LENGTH = 256;
const RING_OFFSET = 24;
const RING_CAPACITY = 32;
const PARTICIPANT_COUNT = 44;
const LOCK = 192;
/** Lock, tail, head, epoch, sleepers, roomWaiters, closedEpoch, closedReason, slotsUsed. */
const LIVE_WORDS = [LOCK, 256, 260, 320, 324, 384, 388, 392, 396, 400, 404];
const FRAME_ALIGNMENT = 32;
const FRAME_HEADER_LENGTH = 24;

const EVIL_WORDS = [0, 1, -1, 2, 3, 4, 5, 31, 32, 33, 64, 0x7fffffff, -0x80000000, 0x40000000, 0x00ffffff];
const EVIL_LONGS = [
  0n,
  -1n,
  1n,
  32n,
  1n << 31n,
  1n << 32n,
  1n << 53n,
  (1n << 53n) - 32n,
  (1n << 63n) - 1n,
  -(1n << 63n),
];

/** A process that writes anything into a channel's memory. */
export class Attacker {
  /** Whether anything was written where messages are. */
  hasSpoiltRing = false;
  readonly #random: Random;
  readonly #segment: Segment;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #slots: number;
  readonly #ringOffset: number;
  readonly #ringCapacity: number;

  constructor(name: string, random: Random) {
    this.#random = random;
    this.#segment = openSegment({ name, disposition: 'open', size: 0 });
    const memory = rawMemory(this.#segment.memory);
    const view = new DataView(memory);
    this.#words = new Int32Array(memory, 0, this.#segment.size >> 2);
    this.#longs = new BigInt64Array(memory, 0, this.#segment.size >> 3);
    this.#slots = view.getUint32(PARTICIPANT_COUNT, true);
    this.#ringOffset = Number(view.getBigUint64(RING_OFFSET, true));
    this.#ringCapacity = Number(view.getBigUint64(RING_CAPACITY, true));
  }

  /** Changes one word, of 32 or 64 bits; says which and how. */
  mutate(): string {
    const [region, offset] = this.#choosePlace();
    if (region === 'ring') this.hasSpoiltRing = true;
    if (this.#random(3) === 0) {
      const index = offset >> 3;
      const before = this.#longs[index] as bigint;
      const after = this.#chooseLong(before);
      this.#longs[index] = after;
      return `${region} ${index << 3}: ${before} -> ${after}`;
    }
    const index = offset >> 2;
    const before = this.#words[index] as number;
    const after = this.#chooseWord(before);
    this.#words[index] = after;
    return `${region} ${index << 2}: ${before} -> ${after | 0}`;
  }

  /** A word that names a living owner cannot be told from a lock that is held: no participant may take it, so this frees it. */
  freeLock(): void {
    Atomics.store(this.#words, LOCK >> 2, 0);
  }

  close(): void {
    this.#segment.close();
  }

  #choosePlace(): readonly [string, number] {
    const random = this.#random;
    switch (random(6)) {
      case 0:
        return ['header', random(HEADER_LENGTH)];
      case 1:
      case 2:
        return ['header', LIVE_WORDS[random(LIVE_WORDS.length)] as number];
      case 3: {
        // Mostly slots that are in use.
        const slot = random(4) === 0 ? random(this.#slots) : random(Math.min(6, this.#slots));
        return ['slot', HEADER_LENGTH + slot * SLOT_LENGTH + random(SLOT_LENGTH)];
      }
      case 4: {
        const frame = random(this.#ringCapacity / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
        return ['ring', this.#ringOffset + frame + random(FRAME_HEADER_LENGTH)];
      }
      default:
        return ['ring', this.#ringOffset + random(this.#ringCapacity)];
    }
  }

  #chooseWord(before: number): number {
    const random = this.#random;
    switch (random(5)) {
      case 0:
        return before ^ (1 << random(32));
      case 1:
        return EVIL_WORDS[random(EVIL_WORDS.length)] as number;
      case 2:
        return before + [1, -1, 32, -32, this.#ringCapacity, -this.#ringCapacity, 1024][random(7)]!;
      case 3:
        return this.#words[random(this.#words.length)] as number;
      default:
        return random(2 ** 31) * 2 + random(2);
    }
  }

  #chooseLong(before: bigint): bigint {
    const random = this.#random;
    switch (random(4)) {
      case 0:
        return before ^ (1n << BigInt(random(63)));
      case 1:
        return EVIL_LONGS[random(EVIL_LONGS.length)] as bigint;
      case 2:
        return before + BigInt([1, -1, 32, -32, this.#ringCapacity, -this.#ringCapacity][random(6)]!);
      default:
        return this.#longs[random(this.#longs.length)] as bigint;
    }
  }
}
