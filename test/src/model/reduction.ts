import type { MemoryOperation } from './operations.js';

interface Accesses {
  /** A bit for each process. */
  readers: number;
  writers: number;
}

/**
 * Who accesses which place of shared memory. An operation goes together with the one before it when no other process could
 * tell: it reads what no other process writes, or writes what no other process accesses. That is known for certain only
 * after everything was explored; so it is assumed, checked all along, and explored anew where it was wrong.
 */
export class Reduction {
  /** Set when an operation was let pass that turned out to matter to others: what was explored is no proof. */
  misjudged = false;
  readonly #plainSteps: boolean;
  readonly #known: Accesses[] = [];
  #passed: Accesses[] = [];

  /** @param plainSteps says that plain accesses do not always go with the operation before them. */
  constructor(plainSteps: boolean) {
    this.#plainSteps = plainSteps;
  }

  /** Forgets what was let pass, for a new exploration with what was learnt. */
  beginAnew(): void {
    this.#passed = [];
    this.misjudged = false;
  }

  /** Whether the operation goes together with the one before it. */
  passes(process: number, { access, cell }: MemoryOperation): boolean {
    if (!this.#plainSteps && (access === 'read' || access === 'write')) return true;
    const reads = isRead(access);
    const { readers, writers } = entry(this.#known, cell);
    if (((reads ? writers : writers | readers) & ~(1 << process)) !== 0) return false;
    entry(this.#passed, cell)[reads ? 'readers' : 'writers'] |= 1 << process;
    return true;
  }

  /** Learns of an operation that is done. */
  learn(process: number, { access, cell }: MemoryOperation): void {
    const bit = 1 << process;
    const known = entry(this.#known, cell);
    const role = isRead(access) ? 'readers' : 'writers';
    if ((known[role] & bit) !== 0) return;
    known[role] |= bit;
    const { readers, writers } = entry(this.#passed, cell);
    const hurt = role === 'readers' ? writers : readers | writers;
    if ((hurt & ~bit) !== 0) this.misjudged = true;
  }
}

function isRead(access: MemoryOperation['access']): boolean {
  return access === 'load' || access === 'read';
}

function entry(accesses: Accesses[], cell: number): Accesses {
  accesses[cell] ??= { readers: 0, writers: 0 };
  return accesses[cell];
}
