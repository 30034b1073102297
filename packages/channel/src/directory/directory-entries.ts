import { copyIn, copyOut, type SharedBytes } from '@mmfbus/core/internal';
import { isChannelName, serviceOf } from '../format/definition.js';
import * as entry from '../format/directory-layout.js';
import type { ChannelMemory } from '../membership/channel-memory.js';

/** The name that stands in a field padded with zeros; undefined when neither a channel nor a registry can have it. */
export function decodeName(bytes: Uint8Array): string | undefined {
  const name = Buffer.from(bytes).toString('latin1').replace(/\0+$/, '');
  return isChannelName(name) || serviceOf(name) !== undefined ? name : undefined;
}

/** A channel's name as a field, padded with zeros. */
export function encodeName(name: string): Uint8Array {
  const field = Buffer.alloc(entry.NAME_LENGTH);
  field.write(name, 'latin1');
  return field;
}

/**
 * The entries of the directory: the names of the channels that are open, as far as a participant has said so. They are hints:
 * whether there is a channel, its own memory tells. Changed with the directory's lock held only.
 */
export class DirectoryEntries {
  /** How many entries there is room for. */
  readonly count: number;
  readonly #start: number;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #bytes: SharedBytes;
  readonly #fence = new Int32Array(1);

  constructor({ geometry, words, bytes }: ChannelMemory) {
    this.#start = geometry.regionOffset;
    this.count = Math.floor((geometry.ringOffset - this.#start) / entry.ENTRY_LENGTH);
    this.#words = words;
    this.#bytes = bytes;
  }

  /** The names that are listed, each once. Without the lock: stale on arrival. */
  names(): string[] {
    const names = new Set<string>();
    const used = this.#used();
    for (let index = 0; index < used; index++) {
      const name = this.#read(index);
      if (name !== undefined) names.add(name);
    }
    return [...names];
  }

  /** Lists the channel, if it is not listed yet. With the lock held. */
  add(name: string): 'added' | 'listed' | 'full' {
    let free: number | undefined;
    const used = this.#used();
    for (let index = 0; index < used; index++) {
      // An entry with a name that cannot be listed is as good as free.
      const listed = this.#read(index);
      if (listed === name) return 'listed';
      if (listed === undefined) free ??= index;
    }
    if (free === undefined && used < this.count) free = used;
    if (free === undefined) return 'full';
    const word = this.#wordOf(free);
    const before = Atomics.load(this.#words, word);
    // Even, and never back to 0, which ends the list.
    const state = before + (before & 1);
    // SYNC: entry committed. Exchange and load keep the name behind the state that says free, which readers compare.
    Atomics.exchange(this.#words, word, state);
    Atomics.load(this.#words, word);
    copyIn(encodeName(name), this.#bytes, this.#nameOffset(free));
    Atomics.store(this.#words, word, state + 1);
    return 'added';
  }

  /** Takes the channel off the list. With the lock held. */
  remove(name: string): boolean {
    let removed = false;
    const used = this.#used();
    for (let index = 0; index < used; index++) {
      if (this.#read(index) !== name) continue;
      Atomics.add(this.#words, this.#wordOf(index), 1);
      removed = true;
    }
    return removed;
  }

  /** How many entries were ever taken. Participants take the first free entry, so those ever taken come first. */
  #used(): number {
    let used = 0;
    while (used < this.count && Atomics.load(this.#words, this.#wordOf(used)) !== 0) used++;
    return used;
  }

  /** The name in an entry; undefined when it is free, is being changed, or holds what is no name. */
  #read(index: number): string | undefined {
    const word = this.#wordOf(index);
    const state = Atomics.load(this.#words, word);
    if ((state & 1) === 0) return undefined;
    const start = this.#nameOffset(index);
    const name = decodeName(copyOut(this.#bytes, start, start + entry.NAME_LENGTH));
    // SYNC: entry committed. The read-modify-write keeps the name before the second look at the state: it is the name of
    // that state only if both looks saw the same.
    Atomics.add(this.#fence, 0, 1);
    return Atomics.load(this.#words, word) === state ? name : undefined;
  }

  #nameOffset(index: number): number {
    return this.#start + index * entry.ENTRY_LENGTH + entry.NAME_OFFSET;
  }

  #wordOf(index: number): number {
    return (this.#start + index * entry.ENTRY_LENGTH + entry.STATE_OFFSET) >> 2;
  }
}
