import type { ChannelDefinition } from '@mmfbus/channel/internal';
import { callLayout, EPOCH_OFFSET, PATTERN_CALLS, PATTERN_REPLIES } from '@mmfbus/channel/internal';
import { PORTS_A_PROCESS } from '../run.js';
import { sharedArray } from '../shared-arrays.js';
import type { Side } from './side.js';

/** Slots of every segment: one for each process, and none is used again. */
export const SLOTS = 4;
/** Where the words behind the participants begin: those of calls. */
const REGION_OFFSET = 0x1000;
const REGION = REGION_OFFSET >> 2;
const EPOCH = EPOCH_OFFSET >> 2;
const LARGEST = 2 ** 16;
const CELL_WORDS = callLayout.CELL_LENGTH >> 2;
const CELL_FIELDS = ['word', 'granted', 'accepted', 'waits'];

/** Ids of inboxes and mailboxes: that of a process, and how many it had before. */
export function segmentId(process: number, count: number): bigint {
  return BigInt(process * PORTS_A_PROCESS + count + 1);
}

/** A segment of a service as one process has it mapped: its words behind the participants, by names. */
export class SegmentMemory {
  readonly name: string;
  /** What its places are called. */
  readonly place: string;
  readonly geometry = {
    participantCount: SLOTS,
    regionOffset: REGION_OFFSET,
    ringCapacity: LARGEST,
    maxPayload: LARGEST,
    maxMessage: LARGEST,
  };
  readonly incarnation: string;
  readonly words: object;
  /** Read for the work of a server only, which is a hint: all have the same. */
  readonly ringWords: object = sharedArray({ access: () => 0 });
  closed: Promise<void> = Promise.resolve();
  isMapped = true;
  readonly #side: Side;

  constructor(side: Side, { name, pattern }: Pick<ChannelDefinition<unknown>, 'name' | 'pattern'>) {
    this.#side = side;
    this.name = name;
    const [, id = '0'] = name.split('.');
    const number = Number.parseInt(id, 16);
    this.incarnation = id.padStart(16, '0');
    this.place =
      pattern === PATTERN_CALLS
        ? `inbox ${number}`
        : pattern === PATTERN_REPLIES
          ? `mailbox ${number}`
          : 'registry';
    this.words = sharedArray({
      access: (how, index, value, expected) => {
        // The real arrays are detached then, and `Atomics` throws.
        if (!this.isMapped) throw new TypeError('shared memory was touched after it was unmapped');
        const field = this.#fieldAt(index, pattern);
        return field === undefined ? 0 : side.access(how, `${this.place} ${field}`, value, expected);
      },
    });
  }

  /** Of the process that has it mapped. */
  get side(): Side {
    return this.#side;
  }

  close(): void {
    this.isMapped = false;
  }

  /** Undefined for what no process decides anything by: counters, and how much there is to do. */
  #fieldAt(index: number, pattern: number): string | undefined {
    if (index === EPOCH) return 'epoch';
    const word = index - REGION;
    if (word < 0) return undefined;
    if (pattern === PATTERN_CALLS) return word < SLOTS ? `refused ${word}` : undefined;
    return `cell ${Math.floor(word / CELL_WORDS)} ${CELL_FIELDS[word % CELL_WORDS]}`;
  }
}
