/** Compares two values; undefined where they have no order, as a number and a text. */
export function order(a: unknown, b: unknown): number | undefined {
  const [left, right] = alike(a, b);
  if (isNumeric(left) && isNumeric(right))
    return left < right ? -1 : left > right ? 1 : left === right ? 0 : undefined;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  return undefined;
}

/** Whether two values are the same. A field that is missing is null. */
export function isEqual(a: unknown, b: unknown): boolean {
  const [left, right] = alike(a ?? null, b ?? null);
  if (isNumeric(left) && isNumeric(right)) return left === right;
  return left === right;
}

/** Whether a text holds the other one, or a list, set or map the value. */
export function contains(whole: unknown, part: unknown): boolean {
  if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part);
  if (Array.isArray(whole)) return whole.some((item) => isEqual(item, part));
  if (whole instanceof Uint8Array) return typeof part === 'number' && whole.includes(part);
  if (whole instanceof Map) return [...whole.keys()].some((key) => isEqual(key, part));
  return (
    typeof whole === 'object' && whole !== null && typeof part === 'string' && Object.hasOwn(whole, part)
  );
}

/** Whether a condition that is a value alone holds. */
export function isTrue(value: unknown): boolean {
  return (
    value !== undefined && value !== null && value !== false && value !== 0 && value !== 0n && value !== ''
  );
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Points in time are compared as numbers of milliseconds, also with a text that says one. */
function alike(a: unknown, b: unknown): readonly [unknown, unknown] {
  if (a instanceof Date) return [a.getTime(), millisecondsOf(b)];
  if (b instanceof Date) return [millisecondsOf(a), b.getTime()];
  return [a, b];
}

function millisecondsOf(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' ? Date.parse(value) : value;
}
