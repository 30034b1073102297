import { CodecError, type CodecErrorCode } from '../errors.js';
import { formatPath } from '../refusal.js';

const TEXT_SHOWN = 40;

/** Says that something inside a value is not what the shape expects. The containers it passes through add where it is. */
export class Mismatch extends Error {
  readonly #keys: (string | number)[] = [];

  /** @param problem for example `expected f64, got string "x"`. */
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
  }

  /** Where it is, from the outside in. */
  get path(): readonly (string | number)[] {
    return this.#keys.toReversed();
  }

  /** Notes that it was found under that key. */
  foundIn(key: string | number): this {
    this.#keys.push(key);
    return this;
  }

  toCodecError(code: CodecErrorCode): CodecError {
    const path = formatPath(this.path).replace(/^\./, '') || 'value';
    return new CodecError(code, `${path}: ${this.message}`, { cause: this.cause });
  }
}

/** For the place where something was found to be of another kind. */
export function unexpected(expected: string, actual: string): Mismatch {
  return new Mismatch(`expected ${expected}, got ${actual}`);
}

/** For a map to which a getter or a proxy in it adds entries, or from which it removes some. */
export function changedMap(): Mismatch {
  return new Mismatch('a Map that changes while it is encoded');
}

/** Adds a key to what was thrown below it. */
export function foundIn(thrown: unknown, key: string | number): unknown {
  return thrown instanceof Mismatch ? thrown.foundIn(key) : thrown;
}

/** A value in a few words, as errors name it. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `string ${shownText(value)}`;
    case 'number':
    case 'bigint':
    case 'boolean':
      return `${typeof value} ${value}`;
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return typeof value;
  }
}

/** A string in quotes, cut where it is long. */
export function shownText(text: string): string {
  return JSON.stringify(text.slice(0, TEXT_SHOWN)) + (text.length > TEXT_SHOWN ? '…' : '');
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `array of ${value.length}`;
  // Runs a getter for Symbol.toStringTag, which may throw; code that catches what encoding throws gets that too.
  return `object ${Object.prototype.toString.call(value).slice(8, -1)}`;
}
