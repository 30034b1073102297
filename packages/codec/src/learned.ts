/** What an entry of a map held. Only a guess of what comes next: functions made for one kind read and write all others. */
export type Kind = 'number' | 'text' | 'list' | 'other';

/** Fields of all sequences together that functions are made for. */
const MOST_FIELDS = 2048;
/** Fields of one sequence. */
const MOST_KEYS = 64;
/** Characters of one key. */
const LONGEST_KEY = 64;
/** Sequences that a site knows. */
const MOST_KNOWN = 4;
/** Sequences that a site may come to know; one that meets more of them forgets them all. */
const MOST_MET = 12;
/** Maps at a site before it watches for the first time; twice as many each time. */
const FIRST_WAIT = 16;
const LONGEST_WAIT = 2 ** 16;
/** Maps for which a site watches, and how many of them must have the keys of the first. */
const PATIENCE = 32;
const CONFIRMATIONS = 3;
/** Levels of maps with ever changing keys below which nothing is learned. */
const MOST_INNER = 4;

/** What was made for maps of one sequence of keys. */
export interface Made<Run> {
  /** Reads or writes whatever comes at a site, and maps with those keys fastest. */
  readonly run: Run;
}

/** Makes functions for maps of one sequence of keys. `siteOf` makes the site of the values under one of the keys. */
export type Make<Run, M extends Made<Run>> = (
  keys: readonly string[],
  kinds: readonly Kind[],
  siteOf: () => Site<Run, M>,
) => M;

/**
 * What a codec knows of maps, one way. Maps of a program have the same keys in the same order again and again: functions are
 * made for those that come often, as a JavaScript engine does for hidden classes. Functions are never dropped, and their
 * number is bounded: so no sender of messages can make us compile without end, or keep more and more.
 */
export class Learned<Run, M extends Made<Run>> {
  readonly any: Run;
  readonly #make: Make<Run, M>;
  readonly #made = new Map<string, M>();
  #fieldsLeft = MOST_FIELDS;

  /** @param any reads or writes whatever comes at a site. */
  constructor(any: Run, make: Make<Run, M>) {
    this.any = any;
    this.#make = make;
  }

  /** The site of the whole value. */
  createRoot(): Site<Run, M> {
    return new Site(this, 0);
  }

  /** Undefined where no more is learned. */
  of(keys: readonly string[], kinds: readonly Kind[]): M | undefined {
    const name = JSON.stringify(keys);
    const known = this.#made.get(name);
    if (known !== undefined || keys.length > this.#fieldsLeft) return known;
    try {
      const made = this.#make(keys, kinds, () => new Site(this, 0));
      this.#made.set(name, made);
      this.#fieldsLeft -= keys.length;
      return made;
    } catch (error) {
      if (!(error instanceof EvalError)) throw error;
      // Generating code is not allowed here.
      this.#fieldsLeft = 0;
      return undefined;
    }
  }

  /** Fields for which functions may be made yet. */
  get fieldsLeft(): number {
    return this.#fieldsLeft;
  }
}

/** A place in values, such as the one under a certain key, and what maps there were like. */
export class Site<Run, M extends Made<Run>> {
  /** The first of what is known, which leaves to the others what it was not made for. */
  run: Run;
  /** What was made for maps that came, the last first. */
  readonly known: M[] = [];
  /** Whether nothing is known. */
  isEmpty = true;
  readonly #learned: Learned<Run, M>;
  readonly #level: number;
  #inner: Site<Run, M> | undefined;
  #wait = FIRST_WAIT;
  #nextWait = 2 * FIRST_WAIT;
  #first: Sighting | undefined;
  #patience = 0;
  #confirmations = 0;
  #met = 0;

  constructor(learned: Learned<Run, M>, level: number) {
    this.#learned = learned;
    this.#level = level;
    this.run = learned.any;
  }

  /** The site of all values in maps here for which nothing was made. */
  get inner(): Site<Run, M> | undefined {
    if (this.#inner === undefined && this.#level < MOST_INNER) {
      this.#inner = new Site(this.#learned, this.#level + 1);
    }
    return this.#inner;
  }

  /** To be called for each map for which nothing was made; what it returns is to be given the entries, and then to `learn`. */
  watch(): Sighting | undefined {
    if (this.#wait > 0) {
      this.#wait -= 1;
      return undefined;
    }
    return this.#learned.fieldsLeft > 0 && this.#met <= MOST_MET ? new Sighting() : undefined;
  }

  /** Takes what was seen of one map. */
  learn(sighting: Sighting): void {
    if (this.#first === undefined) {
      if (sighting.isSuitable()) this.#expect(sighting);
      else this.#rest();
      return;
    }
    if (this.#first.isLike(sighting)) this.#confirmations += 1;
    this.#patience -= 1;
    if (this.#confirmations === CONFIRMATIONS) {
      const made = this.#learned.of(this.#first.keys, this.#first.kinds);
      if (made !== undefined) this.#know(made);
      this.#rest();
    } else if (this.#patience === 0) {
      this.#rest();
    }
  }

  #expect(sighting: Sighting): void {
    this.#first = sighting;
    this.#patience = PATIENCE;
    this.#confirmations = 0;
  }

  #rest(): void {
    this.#first = undefined;
    this.#wait = this.#nextWait;
    this.#nextWait = Math.min(2 * this.#nextWait, LONGEST_WAIT);
  }

  /** The last is tried first. Where ever others come, none is worth being tried. */
  #know(made: M): void {
    this.#met += 1;
    const at = this.known.indexOf(made);
    if (at >= 0) this.known.splice(at, 1);
    if (this.#met > MOST_MET) this.known.length = 0;
    else if (this.known.unshift(made) > MOST_KNOWN) this.known.pop();
    this.run = this.known[0]?.run ?? this.#learned.any;
    this.isEmpty = this.known.length === 0;
  }
}

/** The keys of one map, in order, and what lay under them. */
export class Sighting {
  readonly keys: string[] = [];
  readonly kinds: Kind[] = [];

  add(key: string, value: unknown): void {
    if (this.keys.length > MOST_KEYS) return;
    this.keys.push(key);
    this.kinds.push(kindOf(value));
  }

  /** Keys that stand on `Object.prototype` are left alone: whatever a program has put there may have code. */
  isSuitable(): boolean {
    const { keys } = this;
    if (keys.length === 0 || keys.length > MOST_KEYS || new Set(keys).size < keys.length) return false;
    return keys.every((key) => key.length <= LONGEST_KEY && key !== 'toJSON' && !(key in Object.prototype));
  }

  isLike({ keys }: Sighting): boolean {
    return keys.length === this.keys.length && keys.every((key, index) => key === this.keys[index]);
  }
}

function kindOf(value: unknown): Kind {
  if (typeof value === 'number') return 'number';
  if (typeof value === 'string') return 'text';
  return Array.isArray(value) ? 'list' : 'other';
}
