/** A place in a value: names of fields, and numbers of items. Empty for the value itself. */
export type Path = readonly (string | number)[];

/** What stands there; undefined where there is nothing. Only what the value itself holds counts. */
export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) found = stepInto(found, step);
  return found;
}

function stepInto(value: unknown, step: string | number): unknown {
  if (typeof value === 'string') return step === 'length' ? value.length : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Map) return inMap(value, step);
  if (value instanceof Uint8Array) return step === 'length' ? value.length : value[Number(step)];
  return Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined;
}

/** Keys may be numbers, which a path cannot tell from texts. */
function inMap(map: ReadonlyMap<unknown, unknown>, step: string | number): unknown {
  if (map.has(step)) return map.get(step);
  if (step === 'size') return map.size;
  if (typeof step === 'number') return map.get(BigInt(step)) ?? map.get(String(step));
  return undefined;
}

/** A path as it is written: `legs[0].from`. */
export function showPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}
