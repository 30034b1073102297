/** A JavaScript runtime that this package knows how to wait in. */
export type Runtime = 'node' | 'bun' | 'deno';

function findRuntime(): Runtime | undefined {
  const { release, versions } = process;
  // Both also say that they are Node.
  if (versions['bun'] !== undefined) return 'bun';
  if (versions['deno'] !== undefined) return 'deno';
  const isNode = release?.name === 'node' || versions['electron'] !== undefined;
  return isNode ? 'node' : undefined;
}

/** The runtime of this process; undefined where it is another one. */
export const runtime: Runtime | undefined = findRuntime();

/** The runtime and its version, as it calls itself. */
export function describeRuntime(): string {
  const { release, versions } = process;
  const name = runtime ?? release?.name ?? 'unknown';
  return `${name} ${versions[name] ?? process.version}`;
}
