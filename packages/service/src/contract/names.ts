/** Longest name of a service, characters: what its segments add fits behind it. */
export const MAX_SERVICE_NAME = 100;
/** Longest name of a method, and longest code of an error, characters. */
const MAX_METHOD_NAME = 64;

/** Names that would make a client look like something else: a promise, or an object with its own JSON. */
const MISTAKABLE: ReadonlySet<string> = new Set(['then', 'toJSON']);

/** What is wrong with the name of a service, in words; undefined where nothing is. */
export function serviceNameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `the name of a service is a string, not ${kindName(name)}`;
  if (new RegExp(`^[A-Za-z0-9._-]{1,${MAX_SERVICE_NAME}}$`).test(name)) return undefined;
  return `the name of a service has 1 to ${MAX_SERVICE_NAME} characters of A-Z a-z 0-9 . _ and -, unlike ${shownName(name)}`;
}

/** What is wrong with the name of a method; undefined where nothing is. */
export function methodNameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `the name of a method is a string, not ${kindName(name)}`;
  if (!new RegExp(`^[A-Za-z][A-Za-z0-9_]{0,${MAX_METHOD_NAME - 1}}$`).test(name)) {
    return `the name of a method has 1 to ${MAX_METHOD_NAME} letters, digits and _, a letter first, unlike ${shownName(name)}`;
  }
  // Clients are objects that have the methods as properties.
  if (MISTAKABLE.has(name) || name in Object.prototype) return `no method can be named ${shownName(name)}`;
  return undefined;
}

/** What is wrong with the code of a declared error; undefined where nothing is. */
export function errorCodeProblem(code: unknown): string | undefined {
  if (typeof code !== 'string') return `the code of an error is a string, not ${kindName(code)}`;
  if (new RegExp(`^[A-Z][A-Z0-9_]{0,${MAX_METHOD_NAME - 1}}$`).test(code)) return undefined;
  return `the code of an error has 1 to ${MAX_METHOD_NAME} capital letters, digits and _, a letter first, unlike ${shownName(code)}`;
}

/** A name of any origin and length, as an error shows it. */
export function shownName(name: string): string {
  const shown = JSON.stringify(name.slice(0, MAX_METHOD_NAME));
  return name.length > MAX_METHOD_NAME ? `${shown}…` : shown;
}

/** What a value is, in a word or two. */
export function kindName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object'
    ? 'an object'
    : typeof value === 'function'
      ? 'a function'
      : typeof value === 'undefined'
        ? 'undefined'
        : `a ${typeof value}`;
}
