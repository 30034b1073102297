import { MmfError } from '../../errors.js';
import { type ValidNamespace, ValidNamespaces } from '../../namespaces.js';

const prefixes: Record<ValidNamespace, string> = {
  [ValidNamespaces.LOCAL]: 'Local\\',
  [ValidNamespaces.GLOBAL]: 'Global\\',
  [ValidNamespaces.CUSTOM]: '',
};

/** Follows a mapping's name to name the mutex that its creator holds while it fills the mapping. */
const MUTEX_SUFFIX = '~init';
/** Length of the kernel's strings, UTF-16 units, with room for the name of the mutex. */
const MAX_NAME = 32_767 - MUTEX_SUFFIX.length;

/** The kernel's name for a mapping; see {@link ValidNamespaces}. */
export function objectNameOf(name: string, namespace: ValidNamespace): string {
  const prefix = prefixes[namespace];
  const objectName = prefix + name;
  if (name === '' || name.includes('\0')) {
    throw new MmfError('INVALID_NAME', `the name ${JSON.stringify(name)} is empty or holds a NUL`);
  }
  // A backslash separates the directories of the kernel's name space.
  if (prefix !== '' && name.includes('\\')) {
    throw new MmfError(
      'INVALID_NAME',
      `the name ${JSON.stringify(name)} holds a backslash, which only ValidNamespaces.CUSTOM can take`,
    );
  }
  if (objectName.length > MAX_NAME) {
    throw new MmfError(
      'INVALID_NAME',
      `the name takes ${objectName.length} UTF-16 units with its prefix ${JSON.stringify(prefix)}; the limit is ${MAX_NAME}`,
    );
  }
  return objectName;
}

/** The mutex that goes with a mapping, in the same name space. */
export function mutexNameOf(objectName: string): string {
  return objectName + MUTEX_SUFFIX;
}

/** The event that is a port's bell. Unlike a mapping, an event in `Global\` needs no privilege. */
export function bellNameOf(nonce: bigint): string {
  return `Global\\mmfbus~${BigInt.asUintN(64, nonce).toString(16).padStart(16, '0')}.bell`;
}
