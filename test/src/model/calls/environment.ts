import { callLayout } from '@mmfbus/channel/internal';
import * as codec from '@mmfbus/codec';
import * as codecInternal from '@mmfbus/codec/internal';
import type { Change } from '../changes.js';
import type { Contents, Memory } from '../contents.js';
import { Handle } from '../fingerprint.js';
import { madeUpCore, madeUpGlobals } from '../made-up-core.js';
import type { Run } from '../run.js';
import { loadSources } from '../sources.js';
import type { Surroundings } from '../world.js';
import { madeUpAborting } from './abort.js';
import { Participant, PublisherWatch, Receiver, Sender } from './channels.js';
import { NamedPlaces, StoredMessages } from './places.js';
import { SegmentMemory, segmentId } from './segments.js';
import { Side } from './side.js';

/** Bytes of a stream's window: less than an item costs, so that each waits until the one before was taken. */
const WINDOW = 16;

/** The methods of the service, by what matters of them here. The input is the number of the call. */
export type MethodName = 'once' | 'again' | 'tell' | 'items' | 'sum';

/** What a handler of the model knows of its call. */
export interface Context {
  readonly signal: AbortSignal;
}

/** Handlers of the methods. */
export type Handlers = Readonly<Record<MethodName, (input: never, context: Context) => unknown>>;

/** What a program of the model uses of a client. */
export interface Client {
  call(method: unknown, input: unknown, options?: { readonly signal?: AbortSignal }): unknown;
  close(): Promise<void>;
}

/** What a program of the model uses of a server. */
export interface Serving {
  drain(signal: AbortSignal): Promise<void>;
}

interface ServiceContract {
  readonly text: string;
  readonly methods: ReadonlyMap<string, unknown>;
}

/** How much a server takes. */
export interface Limits {
  readonly concurrency?: number;
  readonly queue?: number;
}

/** What a program of the model of calls can do. */
export interface CallsMachine {
  readonly process: number;
  /** Waits until every process has come this far; only from here on do they run in between each other. */
  start(): void;
  /** Tells the checks something. */
  note(text: string): void;
  /** Writes down that the handler of that call runs, where that outlives the process. */
  ran(call: number): void;
  /** Lets the event loop turn once. */
  turn(): Promise<void>;
  abortController(): AbortController;
  /** Does something between any two events of this process. */
  anyTime(action: () => void): void;
  client(): Promise<Client>;
  methodOf(name: MethodName): unknown;
  /** @param answers false where the server can join no mailbox. */
  serve(handlers: Handlers, limits?: Limits, answers?: boolean): Promise<Serving>;
  /** Takes the port of that process for dead, which lives. */
  mistake(process: number): void;
}

/**
 * The sources of the service package, running on a machine and on channels that the model makes up: those of `channels.ts` promise what
 * the model of channels has proved of the real ones, in fewer steps.
 */
export class CallsEnvironment implements Surroundings<CallsMachine> {
  readonly cells: NamedPlaces = new NamedPlaces();
  run: Run | undefined;
  readonly #messages = new StoredMessages();
  readonly #load: (name: string) => unknown;
  readonly #contract: ServiceContract;
  readonly #AbortController: typeof AbortController;
  #side: Side | undefined;
  #answers = true;

  /** @param cells of each mailbox. */
  constructor(cells: number, changes: readonly Change[]) {
    const now = () => this.#now;
    const aborting = madeUpAborting(now);
    this.#AbortController = aborting['AbortController'] as typeof AbortController;
    const globals = { ...madeUpGlobals(now), ...aborting };
    const made = madeUpCore(now);
    const timers = {
      ...(made['timers'] as object),
      // No call depends on a timer, but to be given up by its deadline: so none fires.
      setTimeout: () => new Handle(),
      clearTimeout: () => {},
    };
    const core = {
      ...made,
      timers,
      randomNonce: () => segmentId(now().process, this.#ofNow.nextSegment()),
      memoryFolder: () => undefined,
    };
    const fromCore = { '@mmfbus/core': core, '@mmfbus/core/internal': core };
    const fromCodec = { '@mmfbus/codec': codec, '@mmfbus/codec/internal': codecInternal };
    const channel = loadSources('channel', { globals, modules: { ...fromCore, ...fromCodec } }, []);
    const channels: Readonly<Record<string, unknown>> = {
      ...this.#channels(),
      callLayout: { ...callLayout, CELLS: cells, STREAM_WINDOW: WINDOW },
    };
    const both = new Proxy(channels, { get: (own, name: string) => own[name] ?? channel(name) });
    const fromChannel = { '@mmfbus/channel': both, '@mmfbus/channel/internal': both };
    const modules = { ...fromCore, ...fromCodec, ...fromChannel };
    this.#load = loadSources('service', { globals, modules }, changes);
    this.#contract = this.#makeContract();
  }

  machine(process: number): CallsMachine {
    const side = new Side(this.#now, this.cells, this.#messages);
    this.#side = side;
    this.#answers = true;
    const { signal } = new this.#AbortController();
    const contract = this.#contract;
    const opened = <T>(one: T): T => {
      this.#now.opened.push(one);
      return one;
    };
    let seat: { participant: Participant } | undefined;
    return {
      process,
      start: () => this.#now.start(),
      note: (text) => this.#now.note(text),
      ran: (call) => {
        const before = side.access('read', `ran ${call}`, undefined, undefined, true);
        side.access('write', `ran ${call}`, before + 1, undefined, true);
      },
      turn: () => new Promise((resolve) => this.#now.setImmediate(resolve, true)),
      abortController: () => new this.#AbortController(),
      anyTime: (action) => void this.#now.setTimeout(action, false),
      client: async () => {
        const { join } = this.#load('ClientSeat') as { join(...args: unknown[]): Promise<typeof seat> };
        seat = await join('service', '', signal);
        const { open } = this.#load('Calls') as { open(...args: unknown[]): Promise<Client> };
        const timeout = Number.POSITIVE_INFINITY;
        const parts = {
          contract,
          name: '',
          seat,
          waitForServer: 0,
          timeout,
          pollWindow: 0,
          accepts: () => true,
        };
        return opened(await open(parts, signal));
      },
      methodOf: (name) => contract.methods.get(name),
      serve: async (handlers, { concurrency = 4, queue = 4 } = {}, answers = true) => {
        this.#answers = answers;
        const { open } = this.#load('Serving') as { open(...args: unknown[]): Promise<Serving> };
        const parts = {
          contract,
          handlers: new Map(Object.entries(handlers)),
          name: '',
          concurrency,
          queue,
          streams: 4,
          stacks: false,
          pollWindow: 0,
        };
        return opened(await open(parts, signal));
      },
      mistake: (other) => {
        for (const nonce of seat?.participant.watched.values() ?? []) {
          if (Side.processOf(nonce) === other) seat?.participant.lifeEnded.call(BigInt(nonce));
        }
      },
    };
  }

  firstContents(memory: Memory): Contents {
    return memory.empty();
  }

  /** The bytes of a message by its number in memory. */
  messageAt(number: number): Uint8Array {
    return this.#messages.at(number).bytes;
  }

  get #now(): Run {
    if (this.run === undefined) throw new Error('no process of the model is running');
    return this.run;
  }

  get #ofNow(): Side {
    if (this.#side === undefined) throw new Error('no process of the model is running');
    return this.#side;
  }

  #channels(): Record<string, unknown> {
    return {
      Participant,
      PublisherWatch,
      Receiver,
      Sender,
      joinSegment: async (
        definition: ConstructorParameters<typeof SegmentMemory>[1],
        { name, signal }: { readonly name: string; readonly signal: AbortSignal },
        takeRole: (participant: Participant, memory: SegmentMemory) => unknown,
      ) => {
        const memory = new SegmentMemory(this.#ofNow, definition);
        if (!this.#answers && memory.place.startsWith('mailbox')) throw new Error('no descriptor is left');
        return Participant.join(memory, name, signal, (participant) => takeRole(participant, memory));
      },
      leaveSoon: (participant: Participant) => participant.leave(),
      leaveAtExit: () => {},
      readEncoding: () => ({ schema: this.#contract.text }),
      maxWholeOf: () => Number.POSITIVE_INFINITY,
    };
  }

  #makeContract(): ServiceContract {
    const compile = this.#load('compileContract') as (definition: unknown) => ServiceContract;
    const method = this.#load('method') as (options: unknown) => unknown;
    const stream = this.#load('stream') as (shape: unknown) => unknown;
    const number = codec.u32();
    return compile({
      name: 'service',
      methods: {
        once: method({ input: number, output: number }),
        again: method({ input: number, output: number, idempotent: true }),
        tell: method({ input: number }),
        items: method({ input: number, output: stream(number) }),
        sum: method({ input: stream(number), output: number }),
      } satisfies Record<MethodName, unknown>,
    });
  }
}
