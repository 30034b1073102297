import { type SharedMemory, shareMemory } from '../../shared-memory.js';
import type { Access, Segment } from '../platform.js';
import { sync } from './libc.js';
import type { Mapping } from './mapping/index.js';

/** A segment over mappings of this process. */
export class MappedSegment implements Segment {
  readonly memory: SharedMemory;
  readonly lockPage: SharedMemory | undefined;
  readonly size: number;
  readonly created: boolean;
  readonly access: Access | undefined;
  readonly #data: Mapping;
  readonly #mappings: ReadonlySet<Mapping>;
  readonly #afterwards: (last: boolean) => void;
  readonly #leadsHere: () => boolean;
  #open = true;

  /**
   * @param afterwards runs when it was unmapped.
   * @param leadsHere whether its name leads to it, asked while it is open.
   * @param access whom its file lets in, where it has one that others may open.
   */
  constructor(
    data: Mapping,
    lockPage: Mapping | undefined,
    created: boolean,
    afterwards: (last: boolean) => void,
    leadsHere: () => boolean = () => true,
    access?: Access,
  ) {
    this.memory = shareMemory(data.memory);
    this.lockPage = lockPage && shareMemory(lockPage.memory);
    this.size = data.length;
    this.created = created;
    this.access = access;
    this.#data = data;
    this.#mappings = new Set(lockPage === undefined ? [data] : [data, lockPage]);
    this.#afterwards = afterwards;
    this.#leadsHere = leadsHere;
  }

  isNamed(): boolean {
    return !this.#open || this.#leadsHere();
  }

  flush(): void {
    if (this.#open) sync(this.#data);
  }

  close(last = false): void {
    if (!this.#open) return;
    this.#open = false;
    for (const mapping of this.#mappings) mapping.release();
    this.#afterwards(last);
  }
}
