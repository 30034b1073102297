import { inspect } from 'node:util';

/** Says how `console.log` and `util.inspect` show the objects of a class. */
export function showAs<O extends object>(prototype: O, show: (object: O) => string): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: O) {
      return show(this);
    },
    writable: true,
    configurable: true,
  });
}
