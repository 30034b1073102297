import koffi, { type LibraryHandle } from 'koffi';

let calls = 0;
const libraries: (string | null)[] = [];

/** How many calls were made of functions that {@link countForeignCalls} knows. */
export function foreignCalls(): number {
  return calls;
}

/** The libraries that were loaded since {@link countForeignCalls}; null is the program itself. */
export function foreignLibraries(): readonly (string | null)[] {
  return libraries;
}

/** Counts the calls of functions that are asked for from now on: to be called before what asks for them is loaded. */
export function countForeignCalls(): void {
  const { load } = koffi;
  koffi.load = (...args) => {
    libraries.push(args[0]);
    const library: LibraryHandle = load(...args);
    const func = library.func.bind(library) as (...signature: unknown[]) => (...values: unknown[]) => unknown;
    const counted = (...signature: unknown[]) => {
      const called = func(...signature);
      return (...values: unknown[]) => {
        calls++;
        return called(...values);
      };
    };
    Object.defineProperty(library, 'func', { value: counted });
    return library;
  };
}
