import { allocateFreeBytes, type WordBytes } from '@mmfbus/codec/internal';
import type { Fragment } from '../format/fragment.js';
import type { Origin } from '../format/origin.js';

/** Memory for a message is at first at most this many times its first part, which is an eighth of the ring. */
const FIRST_PARTS = 16;
const NOTHING: WordBytes = allocateFreeBytes(0);

interface Partial {
  /** Whether its bytes are put together, and not only counted. */
  readonly isKept: boolean;
  readonly generation: number;
  readonly began: number;
  readonly total: number;
  readonly origin: Origin | undefined;
  received: number;
  /** At least what was received. */
  bytes: WordBytes;
}

/**
 * - `partial`: there is more to come.
 * - `complete`: the bytes of {@link Reassembly.message} are a whole message.
 * - `omitted`: a whole message has arrived that is too long to be put together here.
 * - `orphan`: the beginning of its message did not arrive here.
 */
export type ReassemblyOutcome = 'partial' | 'complete' | 'omitted' | 'orphan';

/**
 * Puts split messages together, one a publisher at a time, at the place where they stay. It never holds more than twice what
 * has arrived of each, or 16 times its first part, nor more than a message may have.
 */
export class Reassembly {
  /**
   * After `complete`: the first {@link Reassembly.length} bytes are the message. Valid until the next part is taken, unless its
   * memory is taken before: see `WordBytes.isFree`.
   */
  message: WordBytes = NOTHING;
  length = 0;
  /** After `complete`: where the message comes from, as its first part says. */
  origin: Origin | undefined;
  readonly #maxMessage: number;
  readonly #longest: number;
  readonly #partials = new Map<number, Partial>();
  /** The memory of the message before, for the next one: fresh memory takes longer than copying to it. */
  #spare: WeakRef<WordBytes> | undefined;
  /** The part that has a place. */
  #partial: Partial | undefined;

  /**
   * @param maxMessage bytes that a message has at most.
   * @param longest bytes of the longest that is put together. Defaults to all.
   */
  constructor(maxMessage: number, longest: number = maxMessage) {
    this.#maxMessage = maxMessage;
    this.#longest = longest;
  }

  /**
   * Takes the next part; its parameters are those of {@link Reassembly.place}, with its bytes.
   *
   * @returns what it makes of it, or a text when no publisher writes such a part.
   */
  add(
    slot: number,
    part: Fragment,
    position: number,
    bytes: Uint8Array,
    isLast: boolean,
    origin?: Origin | undefined,
  ): ReassemblyOutcome | { readonly problem: string } {
    const place = this.place(slot, part, position, bytes.length, isLast, origin);
    if (typeof place === 'object') {
      if ('problem' in place) return place;
      place.set(bytes, part.offset);
    }
    return place === 'orphan' ? place : this.finish(slot, bytes.length);
  }

  /**
   * Makes room for the next part. What follows is {@link Reassembly.finish}, once it is there, or that its message is dropped.
   *
   * @param position where its frame is.
   * @param length bytes of the part.
   * @param isLast says what the frame says of it.
   * @param origin what the first part says of the message.
   * @returns the memory in which its bytes belong, at `part.offset`; `omitted` when they are not needed; or a text when no
   * publisher writes such a part.
   */
  place(
    slot: number,
    part: Fragment,
    position: number,
    length: number,
    isLast: boolean,
    origin: Origin | undefined,
  ): WordBytes | 'omitted' | 'orphan' | { readonly problem: string } {
    const end = part.offset + length;
    if (
      part.total > this.#maxMessage ||
      end > part.total ||
      (end === part.total) !== isLast ||
      length === 0
    ) {
      this.#partials.delete(slot);
      const which = isLast ? 'last fragment' : 'fragment';
      return { problem: `a ${which} from ${part.offset} to ${end} of ${part.total} bytes` };
    }
    if ((part.offset === 0) !== (part.began === position)) {
      const problem = `a fragment from ${part.offset} on at ${position}, of a message that began at ${part.began}`;
      return { problem };
    }
    const partial = part.offset === 0 ? this.#begin(slot, part, length, origin) : this.#partials.get(slot);
    this.#partial = partial;
    if (partial === undefined) return 'orphan';
    if (!continues(part, partial)) {
      this.#partials.delete(slot);
      return { problem: `a fragment from ${part.offset} on, where ${partial.received} was due` };
    }
    if (!partial.isKept) return 'omitted';
    if (end > partial.bytes.length) {
      const grown = allocateFreeBytes(Math.min(partial.total, Math.max(end, 2 * partial.bytes.length)));
      grown.set(partial.bytes.subarray(0, partial.received));
      partial.bytes = grown;
    }
    return partial.bytes;
  }

  /** Takes the part that {@link Reassembly.place} made room for: `length` bytes of it are there. */
  finish(slot: number, length: number): ReassemblyOutcome {
    const partial = this.#partial as Partial;
    // Not kept longer than its message: that may be dropped.
    this.#partial = undefined;
    partial.received += length;
    if (partial.received < partial.total) return 'partial';
    this.#partials.delete(slot);
    if (!partial.isKept) return 'omitted';
    this.#putAside();
    this.message = partial.bytes;
    this.length = partial.total;
    this.origin = partial.origin;
    return 'complete';
  }

  /** The message was used: its memory is for the next one, as long as the collector lets it. */
  forgetMessage(): void {
    this.#putAside();
    this.message = NOTHING;
    this.length = 0;
  }

  /** Whether these bytes are the next part of what a publisher began, and complete it. */
  isEndOf(slot: number, part: Fragment, length: number): boolean {
    const partial = this.#partials.get(slot);
    return partial !== undefined && continues(part, partial) && part.offset + length === part.total;
  }

  /** Forgets what a publisher began: it went on with something else, or is gone. */
  drop(slot: number): void {
    this.#partials.delete(slot);
  }

  /** Forgets everything: parts may be missing from now on. */
  dropAll(): void {
    this.#partials.clear();
    this.#partial = undefined;
  }

  /** Forgets the messages of those publishers that are gone. */
  dropUnless(isThere: (slot: number, generation: number) => boolean): void {
    for (const [slot, { generation }] of this.#partials) {
      if (!isThere(slot, generation)) this.#partials.delete(slot);
    }
  }

  /** Whether any message has begun and is not complete. */
  get isEmpty(): boolean {
    return this.#partials.size === 0;
  }

  #begin(slot: number, part: Fragment, length: number, origin: Origin | undefined): Partial {
    const { generation, began, total } = part;
    const isKept = total <= this.#longest;
    const bytes = isKept ? this.#memoryFor(total, FIRST_PARTS * length) : NOTHING;
    const partial = { isKept, generation, began, total, origin, received: 0, bytes };
    this.#partials.set(slot, partial);
    return partial;
  }

  /** Memory for a message of that length, or for so many bytes of it. */
  #memoryFor(total: number, most: number): WordBytes {
    this.forgetMessage();
    const spare = this.#spare?.deref();
    this.#spare = undefined;
    // Not more than twice of what is needed: a value that takes it takes all of it.
    if (spare !== undefined && spare.length >= total && spare.length <= 2 * total) return spare;
    return allocateFreeBytes(Math.min(total, most));
  }

  #putAside(): void {
    if (this.message.isFree && this.message !== NOTHING) this.#spare = new WeakRef(this.message);
  }
}

function continues(part: Fragment, partial: Partial): boolean {
  return (
    partial.began === part.began &&
    partial.generation === part.generation &&
    partial.total === part.total &&
    partial.received === part.offset
  );
}
