/**
 * Where a name lives. The numbers are winmmf's.
 *
 * | namespace | Windows | POSIX |
 * |---|---|---|
 * | `LOCAL` | `Local\name`: this logon session | `mmfbus.<uid>.name`: this user |
 * | `GLOBAL` | `Global\name`: the whole machine; creating needs SeCreateGlobalPrivilege | `mmfbus.g.name`: the whole machine |
 * | `CUSTOM` | `name` as given | `name` as given |
 */
export const ValidNamespaces = { LOCAL: 0, GLOBAL: 1, CUSTOM: 2 } as const;

/** One of the numbers of {@link ValidNamespaces}. */
export type ValidNamespace = (typeof ValidNamespaces)[keyof typeof ValidNamespaces];
