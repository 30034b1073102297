import { MmfError } from './errors.js';
import { type ValidNamespace, ValidNamespaces } from './namespaces.js';

/** What an option can be. */
export interface Rule {
  /** In words, after "must be". */
  readonly words: string;
  readonly allows: (value: unknown) => boolean;
}

/** The options that a function takes. `undefined` is as good as leaving one out. */
export type Rules = Readonly<Record<string, Rule>>;

/** Any value in words. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return typeof value === 'function' ? 'a function' : String(value);
}

/**
 * Refuses options that the rules do not know, and values that they do not allow.
 *
 * @param of names the function, for the error.
 * @throws {@link MmfError} `INVALID_ARGUMENT`.
 */
export function checkOptions(options: unknown, rules: Rules, of: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new MmfError('INVALID_ARGUMENT', `the options of ${of} must be an object, not ${show(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      const known = Object.keys(rules).join(', ');
      throw new MmfError('INVALID_ARGUMENT', `${of} has no option ${JSON.stringify(name)}; it has ${known}`);
    }
    if (value !== undefined && !rule.allows(value)) {
      throw new MmfError('INVALID_ARGUMENT', `${name} of ${of} must be ${rule.words}, not ${show(value)}`);
    }
  }
}

/** Refuses what is not one of the words. */
export function checkOneOf(value: unknown, words: readonly string[], what: string): void {
  if (words.includes(value as string)) return;
  const allowed = words.map((word) => JSON.stringify(word)).join(', ');
  throw new MmfError('INVALID_ARGUMENT', `${what} must be one of ${allowed}, not ${show(value)}`);
}

export const isBoolean: Rule = { words: 'true or false', allows: (value) => typeof value === 'boolean' };
export const isFunction: Rule = { words: 'a function', allows: (value) => typeof value === 'function' };
/** For what is checked where it is used. */
export const isAnything: Rule = { words: 'anything', allows: () => true };

/** Its owner must be able to open it again. */
export const isMode: Rule = {
  words: 'permission bits from 0o600 to 0o777, with reading and writing for the owner',
  allows: (value) =>
    Number.isInteger(value) && (value as number) <= 0o777 && ((value as number) & 0o600) === 0o600,
};

/** As `chown` takes them; -1, which all bits make, leaves the group as it is. */
const MOST_GROUP_ID: number = 2 ** 32 - 2;

export const isGroup: Rule = {
  words: `the name of a group, or its id from 0 to ${MOST_GROUP_ID}`,
  allows: (value) =>
    typeof value === 'string'
      ? value !== '' && !value.includes('\0')
      : Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_GROUP_ID,
};

const isSignal: Rule = { words: 'an AbortSignal', allows: (value) => value instanceof AbortSignal };
const isTimeout: Rule = {
  words: 'a number of milliseconds of at least 0',
  allows: (value) => typeof value === 'number' && value >= 0,
};

/** How to wait. */
export const WAIT_RULES: Rules = { signal: isSignal, timeout: isTimeout };

/** Refuses an invalid size of a mapping. */
export function checkSize(size: unknown, what: string, least: number, most: number): asserts size is number {
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < least || size > most) {
    throw new MmfError(
      'INVALID_ARGUMENT',
      `${what} must be a whole number from ${least} to ${most}, not ${show(size)}`,
    );
  }
}

/** Refuses an invalid name. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new MmfError('INVALID_NAME', `a name is a string, not ${show(name)}`);
  if (name === '') throw new MmfError('INVALID_NAME', 'the name is empty');
  if (name.includes('\0')) throw new MmfError('INVALID_NAME', `the name ${JSON.stringify(name)} holds a NUL`);
  // Windows would take it, but a program that uses it would run nowhere else.
  if (name.includes('/'))
    throw new MmfError('INVALID_NAME', `the name ${JSON.stringify(name)} holds a slash`);
}

/** Refuses an invalid path of a file. */
export function checkPath(path: unknown): asserts path is string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new MmfError('INVALID_NAME', `the path of a file is a string without NUL, not ${show(path)}`);
  }
}

/** Refuses an unknown namespace. */
export function checkNamespace(namespace: unknown): asserts namespace is ValidNamespace {
  if (!Object.values<unknown>(ValidNamespaces).includes(namespace)) {
    throw new MmfError('INVALID_ARGUMENT', `namespace must be 0, 1 or 2, not ${show(namespace)}`);
  }
}

/** Refuses what is no Uint8Array, and one whose memory was given away. */
export function checkBytes(bytes: unknown, what: string): asserts bytes is Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new MmfError('INVALID_ARGUMENT', `${what} must be a Uint8Array, not ${show(bytes)}`);
  }
  if (isDetached(bytes)) throw new MmfError('INVALID_ARGUMENT', `${what} is a detached Uint8Array`);
}

/** Whether the memory of these bytes was transferred elsewhere. */
export function isDetached({ buffer, length }: Uint8Array): boolean {
  if (length > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
