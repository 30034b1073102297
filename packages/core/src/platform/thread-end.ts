import { isMainThread } from 'node:worker_threads';
import { koffi } from './koffi.js';

/*
 * A Worker that is terminated runs no more JavaScript, so none of our clean-up, and what it holds of the operating system
 * stays until its process ends: except what Node gives back itself, such as descriptors of `fs` and sockets. For
 * everything else Node has a list of C functions for addons, `node::AddEnvironmentCleanupHook` of `node.h`, which it runs
 * at the end of a thread however that comes. A function of the system or of V8 that takes one pointer can stand in it
 * as it is.
 */

/** An address, or what koffi has for one. */
type Pointer = unknown;

interface Hooks {
  add(isolate: Pointer, run: Pointer, argument: Pointer): void;
  remove(isolate: Pointer, run: Pointer, argument: Pointer): void;
  readonly isolate: Pointer;
}

const names =
  process.platform === 'win32'
    ? {
        current: '?GetCurrent@Isolate@v8@@SAPEAV12@XZ',
        add: '?AddEnvironmentCleanupHook@node@@YAXPEAVIsolate@v8@@P6AXPEAX@Z1@Z',
        remove: '?RemoveEnvironmentCleanupHook@node@@YAXPEAVIsolate@v8@@P6AXPEAX@Z1@Z',
      }
    : {
        current: '_ZN2v87Isolate10GetCurrentEv',
        add: '_ZN4node25AddEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_',
        remove: '_ZN4node28RemoveEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_',
      };

function findHooks(): Hooks | undefined {
  // The end of the process gives everything back.
  if (isMainThread) return undefined;
  try {
    const node = koffi().load(null);
    const parameters = ['void *', 'void *', 'void *'];
    return {
      isolate: node.func(names.current, 'void *', [])(),
      add: node.func(names.add, 'void', parameters),
      remove: node.func(names.remove, 'void', parameters),
    };
  } catch {
    // A Node that exports nothing to addons: what a terminated Worker held stays until the process ends.
    return undefined;
  }
}

let hooks: Hooks | undefined;
let looked = false;

/**
 * Has a C function called with one pointer when this thread ends, whatever ends it, in reverse order; not in the main
 * thread, with whose end the process ends. The same call must not be asked for twice at a time.
 *
 * @returns takes it back.
 */
export function atThreadEnd(run: Pointer, argument: Pointer): () => void {
  if (!looked) hooks = findHooks();
  looked = true;
  if (hooks === undefined) return () => {};
  const { isolate, add, remove } = hooks;
  add(isolate, run, argument);
  return () => remove(isolate, run, argument);
}
