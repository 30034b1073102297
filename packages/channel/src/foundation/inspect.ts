import { inspect } from 'node:util';

/** Has `console.log`, and whoever else inspects, show the objects of a class in that way. */
export function showAs<O extends object>(prototype: O, show: (object: O) => string): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: O) {
      return show(this);
    },
    writable: true,
    configurable: true,
  });
}
