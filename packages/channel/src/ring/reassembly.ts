import type { Fragment } from '../format/fragment.js';
import type { Origin } from '../format/origin.js';

/** Bytes that are allocated for a message before more of it has arrived. */
const FIRST_LENGTH = 64 * 1024;

interface Partial {
  /** Whether its bytes are put together, and not only counted. */
  readonly isKept: boolean;
  readonly generation: number;
  readonly began: number;
  readonly total: number;
  readonly origin: Origin | undefined;
  received: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * - `partial`: there is more to come.
 * - `complete`: the bytes of {@link Reassembly.message} are a whole message.
 * - `omitted`: a whole message has arrived that is too long to be put together here.
 * - `orphan`: the beginning of its message did not arrive here.
 */
export type ReassemblyOutcome = 'partial' | 'complete' | 'omitted' | 'orphan';

/**
 * Puts split messages together, one a publisher at a time. It never holds more than twice what has arrived of each, nor
 * more than a message may have.
 */
export class Reassembly {
  /** After `complete`: the message. Its memory is the caller's from then on. */
  message: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** After `complete`: where the message comes from, as its first part says. */
  origin: Origin | undefined;
  readonly #maxMessage: number;
  readonly #longest: number;
  readonly #partials = new Map<number, Partial>();

  /**
   * @param maxMessage bytes that a message has at most.
   * @param longest bytes of the longest that is put together. Defaults to all.
   */
  constructor(maxMessage: number, longest: number = maxMessage) {
    this.#maxMessage = maxMessage;
    this.#longest = longest;
  }

  /**
   * Takes the next part.
   *
   * @param position where its frame is.
   * @param isLast says what the frame says of it.
   * @param origin what the first part says of the message.
   * @returns what it makes of it, or a text when no publisher writes such a part.
   */
  add(
    slot: number,
    part: Fragment,
    position: number,
    bytes: Uint8Array<ArrayBuffer>,
    isLast: boolean,
    origin?: Origin | undefined,
  ): ReassemblyOutcome | { readonly problem: string } {
    const end = part.offset + bytes.length;
    if (
      part.total > this.#maxMessage ||
      end > part.total ||
      (end === part.total) !== isLast ||
      bytes.length === 0
    ) {
      this.#partials.delete(slot);
      const which = isLast ? 'last fragment' : 'fragment';
      return { problem: `a ${which} from ${part.offset} to ${end} of ${part.total} bytes` };
    }
    if ((part.offset === 0) !== (part.began === position)) {
      const problem = `a fragment from ${part.offset} on at ${position}, of a message that began at ${part.began}`;
      return { problem };
    }
    const partial = part.offset === 0 ? this.#begin(slot, part, origin) : this.#partials.get(slot);
    if (partial === undefined) return 'orphan';
    if (!continues(part, partial)) {
      this.#partials.delete(slot);
      return { problem: `a fragment from ${part.offset} on, where ${partial.received} was due` };
    }
    this.#append(partial, bytes);
    if (!isLast) return 'partial';
    this.#partials.delete(slot);
    if (!partial.isKept) return 'omitted';
    this.message = partial.bytes.subarray(0, partial.total);
    this.origin = partial.origin;
    return 'complete';
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

  #begin(slot: number, { generation, began, total }: Fragment, origin: Origin | undefined): Partial {
    const isKept = total <= this.#longest;
    const bytes = new Uint8Array(isKept ? Math.min(total, FIRST_LENGTH) : 0);
    const partial = { isKept, generation, began, total, origin, received: 0, bytes };
    this.#partials.set(slot, partial);
    return partial;
  }

  #append(partial: Partial, bytes: Uint8Array<ArrayBuffer>): void {
    const received = partial.received + bytes.length;
    if (!partial.isKept) {
      partial.received = received;
      return;
    }
    if (received > partial.bytes.length) {
      const grown = new Uint8Array(Math.min(partial.total, Math.max(received, 2 * partial.bytes.length)));
      grown.set(partial.bytes.subarray(0, partial.received));
      partial.bytes = grown;
    }
    partial.bytes.set(bytes, partial.received);
    partial.received = received;
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
