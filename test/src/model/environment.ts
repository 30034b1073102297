import * as codec from '@mmfbus/codec';
import { Cells, RING_BASE } from './cells.js';
import type { Change } from './changes.js';
import type { Contents, Memory } from './contents.js';
import type { Layout } from './layouts.js';
import { madeUpCore, madeUpGlobals } from './made-up-core.js';
import type { Run } from './run.js';
import type { ChannelScenario } from './scenarios.js';
import { type Geometry, MappedChannel } from './shared-arrays.js';
import { loadSources } from './sources.js';
import type { Surroundings } from './world.js';

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
export class Environment implements Surroundings<Machine> {
  readonly cells: Cells;
  /** The run that the sources are executed for. */
  run: Run | undefined;
  /** Gives what the sources export by a name. */
  readonly load: (name: string) => unknown;
  readonly #geometry: Geometry;

  constructor({ slots, ring }: ChannelScenario, changes: readonly Change[]) {
    this.#geometry = {
      participantCount: slots,
      ringOffset: 8192,
      ringCapacity: ring,
      maxPayload: 8,
      maxMessage: 8,
      history: 0,
    };
    const now = () => this.#now;
    const globals = madeUpGlobals(now);
    const core = madeUpCore(now);
    const modules = {
      '@mmfbus/core': core,
      '@mmfbus/core/internal': core,
      '@mmfbus/codec': codec,
    };
    this.load = loadSources('channel', { globals, modules }, changes);
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
      publisher: (slowSubscribers = 'wait') => open('JoinedPublisher', { slowSubscribers, pollWindow: 0 }),
      subscriber: (delivery = 'reliable') => open('JoinedSubscriber', { delivery, pollWindow: 0 }),
    };
  }

  firstContents(memory: Memory): Contents {
    const writeTerminator = this.load('writeTerminator') as (
      words: Int32Array,
      word: number,
      low: number,
      high: number,
    ) => void;
    const words = new Int32Array(8);
    writeTerminator(words, 0, 1, 0);
    return words.reduce(
      (contents, value, index) => memory.write(contents, this.cells.at(RING_BASE + index * 4, false), value),
      memory.empty(),
    );
  }

  get #now(): Run {
    if (this.run === undefined) throw new Error('no process of the model is running');
    return this.run;
  }
}
