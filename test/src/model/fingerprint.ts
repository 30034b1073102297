/** A value that is only a name for something else: which one it is makes no difference. */
export class Handle {
  ref(): void {}
  unref(): void {}
}

/**
 * Everything that objects hold, and what these hold, as a text: equal texts behave alike. The sources are compiled with
 * their private fields as ordinary ones for this.
 */
export function fingerprint(roots: readonly unknown[], isShared: (value: object) => boolean): string {
  const seen = new Map<object, number>();
  const parts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'function') {
      parts.push(`(${value.name})`);
    } else if (typeof value !== 'object' || value === null) {
      parts.push(typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? 'undefined'));
    } else if (seen.has(value)) {
      parts.push(`^${seen.get(value)}`);
    } else {
      seen.set(value, seen.size);
      walkObject(value);
    }
    parts.push(',');
  };
  const walkObject = (value: object): void => {
    if (isShared(value) || value instanceof Handle || value instanceof Promise) parts.push('*');
    else if (value instanceof AbortController) parts.push(String(value.signal.aborted));
    else if (ArrayBuffer.isView(value)) parts.push(Buffer.from(value.buffer).toString('latin1'));
    else {
      parts.push('{');
      const entries =
        value instanceof Map
          ? [...value]
          : value instanceof Set
            ? [...value.entries()]
            : Object.entries(value);
      for (const [name, held] of entries) {
        parts.push(`${String(name)}:`);
        walk(held);
      }
      parts.push('}');
    }
  };
  for (const root of roots) walk(root);
  return parts.join('');
}
