const MAX_LENGTH = 40;

/**
 * The words of a name, in small letters: `maxPrice`, `max-price` and `MAX_PRICE` are all `max`, `price`. Letters and digits
 * of ASCII count, everything else separates.
 *
 * @param otherwise where there are none.
 */
export function wordsOf(name: string, otherwise: string): readonly string[] {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[^A-Za-z0-9]+/g, ' ')
    .trim()
    .toLowerCase()
    .slice(0, MAX_LENGTH)
    .trim();
  return words === '' ? [otherwise] : words.split(' ');
}

/** `max_price` */
export function snakeCase(words: readonly string[]): string {
  return afterLetter(words.join('_'), 'n');
}

/** `MAX_PRICE` */
export function upperCase(words: readonly string[]): string {
  return snakeCase(words).toUpperCase();
}

/** `MaxPrice` */
export function pascalCase(words: readonly string[]): string {
  return afterLetter(words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(''), 'N');
}

/** `maxPrice` */
export function camelCase(words: readonly string[]): string {
  const name = pascalCase(words);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** No language has names that begin with a digit. */
function afterLetter(name: string, letter: string): string {
  return /^[0-9]/.test(name) ? letter + name : name;
}

/** The names of one scope: each is given once. */
export class Names {
  readonly #taken: Set<string>;
  readonly #reserved: ReadonlySet<string>;
  /** The numbers to try next. */
  readonly #counts = new Map<string, number>();

  /**
   * @param reserved names that the language keeps for itself.
   * @param taken names that are in the scope already.
   */
  constructor(reserved: ReadonlySet<string> = new Set(), taken: Iterable<string> = []) {
    this.#reserved = reserved;
    this.#taken = new Set(taken);
  }

  /** That name, or one that is like it: `type_` for a reserved one, `price_2` for one that is taken. */
  take(wish: string): string {
    const usable = this.#reserved.has(wish) ? `${wish}_` : wish;
    let name = usable;
    let count = this.#counts.get(usable) ?? 2;
    for (; this.#taken.has(name); count += 1) name = `${usable}_${count}`;
    this.#counts.set(usable, count);
    this.#taken.add(name);
    return name;
  }
}
