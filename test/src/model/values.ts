import type { MemoryOperation, Value } from './operations.js';

/** What stands there after the operation; undefined when it does not write. */
export function valueAfter(
  before: Value,
  { access, value = 0, expected = 0 }: MemoryOperation,
): Value | undefined {
  switch (access) {
    case 'load':
    case 'read':
      return undefined;
    case 'add':
      return narrow(before, sum(before, value));
    case 'sub':
      return narrow(before, sum(before, -value));
    case 'and':
      return (before as number) & (value as number);
    case 'or':
      return (before as number) | (value as number);
    case 'compareExchange':
      return before === narrow(before, expected) ? narrow(before, value) : undefined;
    default:
      return narrow(before, value);
  }
}

function sum(one: Value, other: Value): Value {
  return typeof one === 'bigint' ? one + (other as bigint) : one + (other as number);
}

/** The value as a word like that one holds it. */
function narrow(like: Value, value: Value): Value {
  return typeof like === 'bigint' ? BigInt.asIntN(64, value as bigint) : (value as number) | 0;
}
