import { MmfError } from './errors.js';
import type { Lock, LockKind, LockOutcome } from './lock.js';
import { LOCK_WORD_OFFSET } from './mmf-layout.js';
import { type SharedMemory, sharedWords } from './shared-memory.js';

/*
 * The lock word, in winmmf's notation (W: a writer holds it, R: number of readers, I: initialised unless all are 1):
 *
 *   bit  31 30      24 23                     0
 *        W  I I I I I  R R R R R R ... R R R R
 *
 *   0xFF000000  not initialised: the whole top byte is set
 *   0x00000000  free
 *   0x00000003  three readers
 *   0x80000000  a writer
 */
const UNINITIALIZED = 0xff000000 | 0;
const WRITER = 0x80000000 | 0;
const READERS = 0x00ffffff;

/** winmmf's readers-writer lock over the word at the start of a mapping. */
export class RWLock implements Lock {
  readonly #word: Int32Array<ArrayBuffer>;

  /** @param memory starts with the lock word and is writable. */
  constructor(memory: SharedMemory) {
    this.#word = sharedWords(memory, LOCK_WORD_OFFSET, 1);
  }

  /** Sets a new word up, as winmmf's creator does. */
  initialise(): void {
    Atomics.store(this.#word, 0, UNINITIALIZED);
    Atomics.compareExchange(this.#word, 0, UNINITIALIZED, 0);
  }

  /** {@inheritDoc Lock.tryAcquire} */
  tryAcquire(kind: LockKind): LockOutcome {
    for (;;) {
      const word = this.#load();
      const refusal = refuse(word, kind);
      if (refusal !== undefined) return refusal;
      const next = kind === 'read' ? word + 1 : word | WRITER;
      if (Atomics.compareExchange(this.#word, 0, word, next) === word) return 'acquired';
    }
  }

  /** {@inheritDoc Lock.release} */
  release(kind: LockKind): void {
    for (;;) {
      const word = this.#load();
      const held = kind === 'read' ? (word & READERS) !== 0 : (word & WRITER) !== 0;
      if (isUninitialized(word) || !held) {
        throw new MmfError('LOCK_VIOLATION', `no ${kind} lock to release: ${this.describe()}`);
      }
      const next = kind === 'read' ? word - 1 : word & ~WRITER;
      if (Atomics.compareExchange(this.#word, 0, word, next) === word) return;
    }
  }

  /**
   * Frees the lock, even one that another process holds. Only for a lock whose holder is known to be dead: a living holder goes
   * on as if it still had the lock.
   */
  breakLock(): void {
    this.#check();
    Atomics.store(this.#word, 0, 0);
  }

  /** {@inheritDoc Lock.describe} */
  describe(): string {
    const word = this.#load();
    const text = `lock word 0x${(word >>> 0).toString(16).padStart(8, '0')}`;
    if (isUninitialized(word)) return `${text}, not initialised`;
    if ((word & WRITER) !== 0) return `${text}, held by a writer`;
    const readers = word & READERS;
    return readers === 0 ? `${text}, free` : `${text}, held by ${readers} reader(s)`;
  }

  #load(): number {
    this.#check();
    return Atomics.load(this.#word, 0);
  }

  #check(): void {
    if (this.#word.length === 0) throw new MmfError('CLOSED', 'the mapping of this lock is closed');
  }
}

function isUninitialized(word: number): boolean {
  return (word & UNINITIALIZED) === UNINITIALIZED;
}

function refuse(word: number, kind: LockKind): LockOutcome | undefined {
  if (isUninitialized(word)) return 'UNINITIALIZED';
  if ((word & WRITER) !== 0) return 'WRITE_LOCKED';
  const readers = word & READERS;
  if (kind === 'write') return readers === 0 ? undefined : 'READ_LOCKED';
  return readers === READERS ? 'MAX_READERS' : undefined;
}
