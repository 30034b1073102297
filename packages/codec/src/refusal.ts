import { CodecError } from './errors.js';

const PATH_KEYS_SHOWN = 8;
const PATH_KEY_LENGTH_SHOWN = 40;

/** Says that something inside a value has no encoding. The containers it passes through add where it is. */
export class Refusal extends Error {
  readonly #keys: (string | number)[] = [];
  readonly #deepest: object | undefined;
  #what: string;

  /**
   * @param what what it is, as in "cannot encode …".
   * @param deepest for something nested too deep: the container at the limit, to tell a cycle by.
   */
  constructor(what: string, deepest?: object) {
    super(what);
    this.#what = what;
    this.#deepest = deepest;
  }

  /** Notes that it was found in `container` under `key`. */
  foundIn(container: object, key: string | number): this {
    this.#keys.push(key);
    if (container === this.#deepest) {
      this.#what = 'an object that contains itself';
      this.#keys.length = 0;
    }
    return this;
  }

  toCodecError(id: string): CodecError {
    const path = formatPath(this.#keys.toReversed());
    return new CodecError('UNENCODABLE', `${id}: cannot encode ${this.#what}${path && ` at value${path}`}`);
  }
}

/** Turns whatever was thrown while encoding `value` into the error to throw. */
export function toUnencodable(id: string, thrown: unknown): CodecError {
  if (thrown instanceof Refusal) return thrown.toCodecError(id);
  return new CodecError('UNENCODABLE', `${id}: encoding failed: ${messageOf(thrown)}`, { cause: thrown });
}

/** The message of whatever was thrown, which need not be an error. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return 'something was thrown that has no text';
  }
}

/** The keys from the outside in as program text would have them: `.legs[2]["no name"]`. */
export function formatPath(keys: readonly (string | number)[]): string {
  const shown = keys.slice(0, PATH_KEYS_SHOWN).map(formatKey).join('');
  return keys.length > PATH_KEYS_SHOWN ? `${shown}…` : shown;
}

function formatKey(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) && key.length <= PATH_KEY_LENGTH_SHOWN)
    return `.${key}`;
  return `[${JSON.stringify(key.slice(0, PATH_KEY_LENGTH_SHOWN))}${key.length > PATH_KEY_LENGTH_SHOWN ? '…' : ''}]`;
}
