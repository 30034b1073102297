import * as codec from '@mmfbus/codec';
import { ValidNamespaces } from '@mmfbus/core';
import { copyIn, copyInto, copyOut, fillShared } from '@mmfbus/core/internal';
import { Cells } from './cells.js';
import type { Change } from './changes.js';
import type { Handle } from './fingerprint.js';
import type { Layout } from './layouts.js';
import { PORTS_A_PROCESS, type Run } from './run.js';
import { type Geometry, MappedChannel, modelAtomics } from './shared-arrays.js';
import { LEAVE_TO_ITSELF, loadChannel } from './sources.js';

interface Address {
  readonly nonce: bigint;
  readonly pid: number;
}

/** The number of the port that has this nonce. */
export function portOf(nonce: bigint): number {
  return Number(nonce) - 1;
}

/** The process whose port it is. */
export function ownerOf(port: number): number {
  return Math.floor(port / PORTS_A_PROCESS);
}

/** A publisher of the channel package, as far as programs of the model use it. */
export interface Publisher {
  tryPublish(value: number): 'published' | 'full' | 'busy';
  publish(value: number): Promise<number>;
  waitForSubscribers(count: number): Promise<number>;
  close(): Promise<void>;
}

/** A subscriber of the channel package, as far as programs of the model use it. */
export interface Subscriber {
  on(
    event: 'message',
    listener: (message: { readonly value: number; readonly sequence: number }) => void,
  ): this;
  on(event: 'gap', listener: (gap: { readonly from: number; readonly to: number }) => void): this;
  on(event: 'publishersGone', listener: (event: { readonly reason: string }) => void): this;
  close(): Promise<void>;
}

/** What a program of the model can do. */
export interface Machine {
  readonly process: number;
  /** Waits until every process has come this far; only from here on do they run in between each other. */
  start(): void;
  /** Tells the checks something. */
  note(text: string): void;
  /** Lets the event loop turn once, between two calls that have nothing to do with each other. */
  rest(): Promise<void>;
  publisher(slowSubscribers?: 'wait' | 'disconnect'): Promise<Publisher>;
  subscriber(delivery?: 'reliable' | 'lossy'): Promise<Subscriber>;
}

/** Bytes of a message's payload: with its header it fills one frame of 32 bytes. */
const VALUE_LENGTH = 4;

const valueCodec = {
  id: 'model',
  encode(value: number, target: Uint8Array, offset: number): number {
    new DataView(target.buffer, target.byteOffset).setInt32(offset, value, true);
    return offset + VALUE_LENGTH;
  },
  decode(source: Uint8Array, start: number): number {
    return new DataView(source.buffer, source.byteOffset).getInt32(start, true);
  },
};

/** The channel's sources, running on a machine that the model makes up. */
export class Environment {
  readonly cells: Cells;
  /** The run that the sources are executed for. */
  run: Run | undefined;
  /** Gives what the sources export by a name. */
  readonly load: (name: string) => unknown;
  readonly #geometry: Geometry;

  constructor(geometry: Geometry, changes: readonly Change[]) {
    this.#geometry = geometry;
    const globals = { ...this.#globals(), Atomics: modelAtomics };
    const core = this.#core();
    const modules = {
      '@mmfbus/core': core,
      '@mmfbus/core/internal': core,
      '@mmfbus/codec': codec,
    };
    this.load = loadChannel({ globals, modules }, changes);
    this.cells = new Cells(this.load('headerLayout') as Layout, this.load('participantLayout') as Layout);
  }

  machine(process: number): Machine {
    const memory = () =>
      new MappedChannel(this.#geometry, this.cells, (operation) => this.#now.memory(operation));
    const open = async <T>(name: string, options: object): Promise<T> => {
      const opener = this.load(name) as { open(...args: unknown[]): Promise<T> };
      const { signal } = new AbortController();
      const opened = await opener.open({ name: 'model', codec: valueCodec }, memory(), options, signal);
      this.#now.opened.push(opened);
      return opened;
    };
    return {
      process,
      start: () => this.#now.start(),
      note: (text) => this.#now.note(text),
      rest: () => this.#now.rest(),
      publisher: (slowSubscribers = 'wait') => open('JoinedPublisher', { slowSubscribers }),
      subscriber: (delivery = 'reliable') => open('JoinedSubscriber', { delivery, pollWindow: 0 }),
    };
  }

  get #now(): Run {
    if (this.run === undefined) throw new Error('no process of the model is running');
    return this.run;
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#now.setImmediate(resolve, true));
  }

  #globals(): Record<string, unknown> {
    const queueMicrotask = (callback: () => void) => {
      const run = this.#now;
      Promise.resolve()
        .then(callback)
        .catch((error: unknown) => run.fail(error));
    };
    return {
      [LEAVE_TO_ITSELF]: (promise: unknown) => {
        const run = this.#now;
        if (promise instanceof Promise) promise.catch((error: unknown) => run.fail(error));
      },
      queueMicrotask,
      globalThis: { queueMicrotask },
    };
  }

  #core(): Record<string, unknown> {
    const ask = (call: 'probe' | 'watch' | 'remove', { nonce, pid }: Address) =>
      this.#now.system({ kind: 'system', call, port: portOf(nonce), pidKnown: pid !== 0 });
    return {
      MmfError: class MmfError extends Error {},
      atExit: () => () => {},
      leasePort: (onRing: () => void) => {
        const { port, release } = this.#now.lease(onRing);
        const address = {
          nonce: BigInt(port + 1),
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
            const outcome = this.#now.system({ kind: 'system', call: 'ring', port, pidKnown, connected });
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
        return { close: watching ? this.#now.watch(portOf(address.nonce), onDeath) : () => {} };
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
        setTimeout: (callback: () => void) => this.#now.setTimeout(callback, false),
        clearTimeout: (timer?: Handle) => this.#now.clearTimeout(timer),
        setImmediate: (callback: () => void) => this.#now.setImmediate(callback, false),
        clearImmediate: (immediate?: Handle) => this.#now.clearImmediate(immediate),
        // Time stands still: what depends on it is which timer fires, and that is tried out.
        now: () => 1,
        sleep: () => new Promise<void>((resolve) => this.#now.setTimeout(resolve, true)),
        nextTurn: () => this.#turn(),
      },
    };
  }
}
