import { type ValidNamespace, ValidNamespaces } from '@mmfbus/core';

/** Who finds a channel by its name: the programs of this user, on Windows of this logon session; or those of all users. */
export type Scope = 'user' | 'machine';

/** All of them. */
export const SCOPES: readonly Scope[] = ['user', 'machine'];

/** Where the names of that scope live. */
export function namespaceOf(scope: Scope): ValidNamespace {
  return scope === 'user' ? ValidNamespaces.LOCAL : ValidNamespaces.GLOBAL;
}
