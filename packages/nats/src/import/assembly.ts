import type { Header } from '../wire/header.js';

/** A message of which pieces have come. */
export interface Assembly {
  readonly sequence: number;
  readonly encoding: string;
  readonly total: number;
  /** Number in the stream of its first piece; undefined without a stream. */
  readonly position: number | undefined;
  readonly chunks: Uint8Array[];
  received: number;
}

/** Messages that are put together of pieces: one of each incarnation at a time. */
export class Assemblies {
  readonly #open = new Map<string, Assembly>();

  /** Whether no message is being put together. */
  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** Number in the stream of the first piece that is kept here; undefined where none is. */
  get position(): number | undefined {
    let first: number | undefined;
    for (const { position } of this.#open.values()) {
      if (position !== undefined && (first === undefined || position < first)) first = position;
    }
    return first;
  }

  /**
   * Takes a piece.
   *
   * @param position its number in the stream.
   * @returns the message where it is whole; then {@link Assemblies.end} is due when it was taken. `hole` where a piece before it is
   * missing, `late` where none has come before it.
   */
  take(
    { incarnation, sequence, encoding, part }: Header & { readonly part: NonNullable<Header['part']> },
    payload: Uint8Array,
    position: number | undefined,
  ): Uint8Array | 'more' | 'hole' | 'late' {
    const { offset, total } = part;
    let assembly = this.#open.get(incarnation);
    const isSame =
      assembly?.sequence === sequence && assembly.encoding === encoding && assembly.total === total;
    if (assembly === undefined || !isSame) {
      if (offset !== 0) return 'late';
      assembly = { sequence, encoding, total, position, chunks: [], received: 0 };
      this.#open.set(incarnation, assembly);
    }
    const { received, chunks } = assembly;
    const end = offset + payload.length;
    if (offset > received || end > total) return 'hole';
    // The bytes of a message are the same, whichever bridge has cut it, and however often.
    if (end <= received) return 'more';
    const rest = payload.subarray(received - offset);
    if (end === total) return Buffer.concat([...chunks, rest], total);
    chunks.push(rest);
    assembly.received = end;
    return 'more';
  }

  /** What has come of an incarnation's message is not needed any more. */
  end(incarnation: string): void {
    this.#open.delete(incarnation);
  }
}
