import { ValidNamespaces } from '@mmfbus/core';
import { copyIn, copyInto, copyOut, fillShared } from '@mmfbus/core/internal';
import type { Handle } from './fingerprint.js';
import { PORTS_A_PROCESS, type Run } from './run.js';
import { modelAtomics } from './shared-arrays.js';
import { LEAVE_TO_ITSELF } from './sources.js';

interface Address {
  readonly nonce: bigint;
  readonly pid: number;
}

/** The number of the port that has this nonce. */
export function portOf(nonce: bigint): number {
  return Number(nonce) - 1;
}

/** The nonce of the port of that number. */
export function nonceOf(port: number): bigint {
  return BigInt(port + 1);
}

/** The process whose port it is. */
export function ownerOf(port: number): number {
  return Math.floor(port / PORTS_A_PROCESS);
}

/** Global names as the sources find them. `now` gives the run that they are executed for. */
export function madeUpGlobals(now: () => Run): Record<string, unknown> {
  const queueMicrotask = (callback: () => void) => {
    const run = now();
    Promise.resolve()
      .then(callback)
      .catch((error: unknown) => run.fail(error));
  };
  return {
    [LEAVE_TO_ITSELF]: (promise: unknown) => {
      const run = now();
      if (promise instanceof Promise) promise.catch((error: unknown) => run.fail(error));
      return promise;
    },
    queueMicrotask,
    globalThis: { queueMicrotask },
    Atomics: modelAtomics,
    // There a store is only atomic, and so a step of its own here, where the protocol counts on its order.
    process: Object.create(process, { arch: { value: 'arm64' } }),
  };
}

/** What the sources find in place of the core package, and so of the operating system. */
export function madeUpCore(now: () => Run): Record<string, unknown> {
  const ask = (call: 'probe' | 'watch' | 'remove', { nonce, pid }: Address) =>
    now().system({ kind: 'system', call, port: portOf(nonce), pidKnown: pid !== 0 });
  return {
    MmfError: class MmfError extends Error {},
    atExit: () => () => {},
    leasePort: (onRing: () => void) => {
      const { port, release } = now().lease(onRing);
      const address = {
        nonce: nonceOf(port),
        pid: ownerOf(port) + 1,
        startTime: 1n,
        pidNamespace: 1n,
        threadId: 0,
        threadStartTime: 0n,
      };
      return { address, release, ref() {}, unref() {} };
    },
    connectBell: (address: Address) => {
      const bell = {
        address,
        // A real one is opened at once, where that is possible, or else when it is rung.
        connected: false,
        ring: () => {
          const { connected } = bell;
          const [port, pidKnown] = [portOf(address.nonce), address.pid !== 0];
          const outcome = now().system({ kind: 'system', call: 'ring', port, pidKnown, connected });
          bell.connected = outcome === 'alive';
          return outcome;
        },
        close() {},
      };
      return bell;
    },
    probeLife: (address: Address) => ask('probe', address),
    watchLife: (address: Address, onDeath: () => void) => {
      const watching = ask('watch', address) === 'watching';
      return { close: watching ? now().watch(portOf(address.nonce), onDeath) : () => {} };
    },
    // All of them are of one user.
    audienceOf: () => ({ of: 'user', uid: 0 }),
    accessOfNew: () => undefined,
    refusalOf: () => undefined,
    advanceRemovals: async () => {},
    sweepPorts: async () => {},
    yieldThread: () => {},
    removePort: (address: Address) => {
      ask('remove', address);
      return Promise.resolve();
    },
    // No process removes names here.
    watchNames: () => ({ look() {}, close() {} }),
    callAlone: (callback: () => void) => callback(),
    copyIn,
    copyInto,
    copyOut,
    fillShared,
    ValidNamespaces,
    monotonicTime: () => 0n,
    timers: {
      setTimeout: (callback: () => void) => now().setTimeout(callback, false),
      clearTimeout: (timer?: Handle) => now().clearTimeout(timer),
      setImmediate: (callback: () => void) => now().setImmediate(callback, false),
      clearImmediate: (immediate?: Handle) => now().clearImmediate(immediate),
      // Time stands still: what depends on it is which timer fires, and that is tried out.
      now: () => 1,
      sleep: () => new Promise<void>((resolve) => now().setTimeout(resolve, true)),
      nextTurn: () => new Promise<void>((resolve) => now().setImmediate(resolve, true)),
    },
  };
}
