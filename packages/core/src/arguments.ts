import { MmfError } from './errors.js';
import { type ValidNamespace, ValidNamespaces } from './namespaces.js';

/** Refuses what is no size of a mapping. */
export function checkSize(size: unknown, what: string, least: number, most: number): asserts size is number {
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < least || size > most) {
    throw new MmfError(
      'INVALID_ARGUMENT',
      `${what} must be a whole number from ${least} to ${most}, not ${String(size)}`,
    );
  }
}

/** Refuses what is no name. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new MmfError('INVALID_NAME', `a name is a string, not ${typeof name}`);
  if (name === '') throw new MmfError('INVALID_NAME', 'the name is empty');
  if (name.includes('\0')) throw new MmfError('INVALID_NAME', `the name ${JSON.stringify(name)} holds a NUL`);
  // Windows would take it, but a program that uses it would run nowhere else.
  if (name.includes('/'))
    throw new MmfError('INVALID_NAME', `the name ${JSON.stringify(name)} holds a slash`);
}

/** Refuses what is no namespace. */
export function checkNamespace(namespace: unknown): asserts namespace is ValidNamespace {
  if (!Object.values<unknown>(ValidNamespaces).includes(namespace)) {
    throw new MmfError('INVALID_ARGUMENT', `namespace must be 0, 1 or 2, not ${String(namespace)}`);
  }
}

/** Refuses what is no Uint8Array. */
export function checkBytes(bytes: unknown, what: string): asserts bytes is Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new MmfError(
      'INVALID_ARGUMENT',
      `${what} must be a Uint8Array, not ${Object.prototype.toString.call(bytes)}`,
    );
  }
}
