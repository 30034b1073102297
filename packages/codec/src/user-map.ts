// A map that a user hands over is asked by its internal slots: a subclass may say anything.
const readSize = Object.getOwnPropertyDescriptor(Map.prototype, 'size')?.get as (
  this: ReadonlyMap<unknown, unknown>,
) => number;
const { entries } = Map.prototype;

/** How many entries there are. */
export function sizeOfMap(map: ReadonlyMap<unknown, unknown>): number {
  return readSize.call(map);
}

/** The entries, those that are added meanwhile included. */
export function entriesOfMap(map: ReadonlyMap<unknown, unknown>): IterableIterator<[unknown, unknown]> {
  return entries.call(map as Map<unknown, unknown>) as IterableIterator<[unknown, unknown]>;
}
