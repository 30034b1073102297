import { hostname } from 'node:os';
import type { Bus } from '@mmfbus/channel';
import {
  abortSignal,
  Events,
  milliseconds,
  serviceOf,
  showAs,
  unlessAborted,
  withDeadline,
} from '@mmfbus/channel/internal';
import { timers } from '@mmfbus/core/internal';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Engines } from './engines.js';
import { CoreSink } from './export/core-sink.js';
import { ExportRouteRunner } from './export/export-route.js';
import { StreamSink } from './export/stream-sink.js';
import { diagnostics } from './foundation/diagnostics.js';
import {
  type BridgeCloseInfo,
  type BridgeEvent,
  type BridgeEvents,
  type BridgeListener,
  bridgeEvents,
  type Passage,
  type Teller,
} from './foundation/events.js';
import { retrying } from './foundation/retry.js';
import { Checkpoint } from './import/checkpoint.js';
import { CoreImport } from './import/core-import.js';
import { ImportCounters, Importer } from './import/importer.js';
import { type JetStream, StreamImport } from './import/stream-import.js';
import {
  checkValues,
  definitionOf,
  type ExportRoute,
  type ImportRoute,
  isExport,
  isOfServices,
  type Route,
  type ServiceExportRoute,
  type ServiceImportRoute,
} from './route.js';
import type { ServiceCounters } from './service/counters.js';
import type { MicroServices } from './service/micro-services.js';
import { ServiceExportRouteRunner } from './service/service-export-route.js';
import { ServiceImportRouteRunner } from './service/service-import-route.js';
import { Connection } from './wire/connection.js';
import { fieldOf } from './wire/header.js';
import { NameMap } from './wire/names.js';

/** How long closing waits for what is under way unless told otherwise, milliseconds. */
const CLOSE_TIMEOUT = 5000;
/** What the names of channels begin with on which the command tells how bridges are: each machine has its own. */
const BRIDGE_CHANNEL = 'mmfbus.bridge.';
const DEFAULT_MAX_WAITING: number = 16 * 2 ** 20;

/** Options of `openBridge()`. */
export interface BridgeOptions {
  /** Where the names of the channels live. Defaults to `user`. */
  readonly scope?: 'user' | 'machine' | undefined;
  /** Name of this machine in the headers of messages, for people. Defaults to the host name of the operating system. */
  readonly host?: string | undefined;
  /** Name of the bridge as a participant of channels, for people. Defaults to `nats`. */
  readonly name?: string | undefined;
  /**
   * Folder for the checkpoints of routes that import from a stream, which need it. It is created where it does not exist. No two bridges may
   * have the same one.
   */
  readonly folder?: string | undefined;
  /**
   * Most bytes of messages of core NATS that wait, for each route, until there is room in the channel that they are for. Those beyond
   * are dropped, and told as a gap. Defaults to 16 MiB.
   */
  readonly maxWaiting?: number | undefined;
  /** Gives up opening with the signal's reason. Once open, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up opening after that many milliseconds. `Infinity` waits for as long as it takes. Defaults to 5000. */
  readonly timeout?: number | undefined;
}

/** Options of {@link Bridge.close}. */
export interface BridgeCloseOptions {
  /** Waits no more for what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Waits for that many milliseconds at most; `Infinity` for as long as it takes. Defaults to 5000. */
  readonly timeout?: number | undefined;
}

/** What a part of a bridge did so far. */
export interface PassageState extends Passage {
  readonly kind: 'channel' | 'service';
  /** Messages that were passed on; of an export with a stream, those that are stored. Of a service: calls that were answered. */
  readonly messages: number;
  /** Bytes of their payloads. */
  readonly bytes: number;
  /** How often messages were missing, and how many numbers that were. */
  readonly gaps: number;
  readonly missed: number;
  /** Messages that were refused; of a service, calls that were not passed on or came to nothing on their way. */
  readonly refused: number;
  /** Of an import: messages that had come before. */
  readonly repeats: number;
  /** Of an import: messages that channels of this machine had published. */
  readonly own: number;
  /** Of an import: messages for channels that did not exist, and were not to be created. */
  readonly absent: number;
  /** Of an export: bytes in the ring that are not read yet. Of an import: messages that wait, in the stream or here. Of a service: calls under way. */
  readonly lag: number;
}

/** Carries messages between channels of this machine and NATS. Made by `openBridge()`. */
export interface Bridge extends AsyncDisposable {
  /** Whether it carries messages still. */
  readonly isOpen: boolean;
  /** Resolves when it has ended. */
  readonly closed: Promise<BridgeCloseInfo>;

  /**
   * Listens to an event.
   *
   * @throws `ChannelError` `INVALID_ARGUMENT` for an event that there is not.
   */
  on<E extends BridgeEvent>(event: E, listener: BridgeListener<E>): this;
  /** Listens to the next one only. */
  once<E extends BridgeEvent>(event: E, listener: BridgeListener<E>): this;
  /** Listens no more. */
  off<E extends BridgeEvent>(event: E, listener: BridgeListener<E>): this;

  /**
   * What it did so far: for each exported channel, for each route that imports channels, and for each service. Of the second, names may end in
   * `*` and `>`.
   */
  passages(): PassageState[];

  /**
   * Takes no more messages, waits for those that are under way, and leaves all channels. The connection stays open: it is the program's.
   * A second call returns the same promise.
   *
   * @throws {@link BridgeError} `INVALID_ARGUMENT`.
   */
  close(options?: BridgeCloseOptions): Promise<void>;
}

/** A route that imports, as it runs. */
interface RunningImport {
  readonly route: ImportRoute;
  readonly counters: ImportCounters;
  readonly importer: Importer;
  readonly lag: () => number;
  close(): Promise<void>;
}

/** A bridge that runs: its routes, and what they tell. */
export class OpenBridge implements Bridge {
  readonly closed: Promise<BridgeCloseInfo>;
  readonly #events = new Events<BridgeEvents>('the bridge', bridgeEvents);
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #options: BridgeOptions;
  readonly #exports: ExportRouteRunner[] = [];
  readonly #imports: RunningImport[] = [];
  readonly #serviceExports: ServiceExportRouteRunner[] = [];
  readonly #serviceImports: ServiceImportRouteRunner[] = [];
  /** Incarnations of channels of this machine, as far as they were looked up. */
  readonly #own = new Set<string>();
  readonly #watching = new AbortController();
  /** Settles when the program can have its listeners: what is told earlier is heard by none. */
  readonly #whenHeard: Promise<void>;
  #settleHeard: () => void = () => {};
  #closing: Promise<void> | undefined;
  #settleClosed: (info: BridgeCloseInfo) => void = () => {};

  constructor(connection: NatsConnection, bus: Bus, options: BridgeOptions) {
    this.#bus = bus;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#whenHeard = new Promise((resolve) => {
      this.#settleHeard = resolve;
    });
    const server = connection.getServer();
    this.#connection = new Connection(connection, {
      changed: (isConnected) => {
        const event = isConnected ? 'connected' : 'disconnected';
        diagnostics[event].publish({ server });
        this.#events.tell(event);
      },
      closed: (error) => {
        this.#closing ??= this.#close(AbortSignal.abort(), { reason: 'connection', error });
      },
    });
  }

  /** Begins with all routes. Settles when the channels are joined that there are. */
  async start(
    routes: readonly Route[],
    { jetStream, services }: Engines,
    signal: AbortSignal,
  ): Promise<void> {
    for (const route of routes) {
      if (isOfServices(route)) this.#openServices(route, services as MicroServices);
      else if (isExport(route)) this.#exports.push(this.#exportOf(route, jetStream));
      else this.#imports.push(this.#importOf(route, jetStream));
    }
    const there = new Set<string>();
    for (const { name, service } of await this.#bus.list({ signal })) {
      if (name.startsWith(BRIDGE_CHANNEL)) continue;
      if (service === undefined) there.add(name);
      else for (const runner of this.#serviceExports) runner.onService(service);
    }
    for (const runner of this.#exports) for (const channel of there) runner.onChannel(channel, false);
    void this.#watch(there);
    const runners = [...this.#exports, ...this.#serviceExports, ...this.#serviceImports];
    await unlessAborted(Promise.all(runners.map((runner) => runner.whenTried())), signal);
    // The server has the subscriptions when it answers.
    await unlessAborted(this.#connection.nats.flush(), signal);
    timers.setImmediate(() => this.#settleHeard());
  }

  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  on<E extends BridgeEvent>(event: E, listener: BridgeListener<E>): this {
    this.#events.check(event, listener);
    this.#events.on(event, listener);
    return this;
  }

  once<E extends BridgeEvent>(event: E, listener: BridgeListener<E>): this {
    this.#events.check(event, listener);
    this.#events.once(event, listener);
    return this;
  }

  off<E extends BridgeEvent>(event: E, listener: BridgeListener<E>): this {
    this.#events.check(event, listener);
    this.#events.off(event, listener);
    return this;
  }

  passages(): PassageState[] {
    const exported = this.#exports.flatMap((runner) =>
      [...runner.states()].map(({ channel, subject, counters, lag }) => {
        const passage = { direction: 'export', kind: 'channel', channel, subject } as const;
        return { ...passage, ...counters, repeats: 0, own: 0, absent: 0, lag };
      }),
    );
    const imported = this.#imports.map(({ route, counters, lag }) => {
      const { into: channel, import: subject } = route;
      const passage = { direction: 'import', kind: 'channel', channel, subject } as const;
      return { ...passage, ...counters, lag: lag() };
    });
    return [
      ...exported,
      ...imported,
      ...this.#serviceExports.flatMap((runner) => [...runner.states()].map(serviceState('export'))),
      ...this.#serviceImports.flatMap((runner) => [...runner.states()].map(serviceState('import'))),
    ];
  }

  close(options: BridgeCloseOptions = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    try {
      checkValues('close()', options, { signal: abortSignal, timeout: milliseconds });
    } catch (error) {
      return Promise.reject(error);
    }
    const { signal, timeout = CLOSE_TIMEOUT } = options;
    const tooLate = () => new Error('closing takes too long');
    this.#closing = withDeadline({ signal, timeout }, tooLate, (limit) =>
      this.#close(limit, { reason: 'local', error: undefined }),
    );
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(limit: AbortSignal, info: BridgeCloseInfo): Promise<void> {
    this.#watching.abort(new Error('the bridge was closed'));
    this.#settleHeard();
    await Promise.all([
      ...this.#imports.map((one) => one.close()),
      ...this.#exports.map((one) => one.close(limit)),
      ...this.#serviceExports.map((one) => one.close()),
      ...this.#serviceImports.map((one) => one.close()),
    ]);
    await this.#bus.close();
    this.#connection.release();
    diagnostics.close.publish(info);
    this.#events.tell('close', info);
    this.#settleClosed(info);
  }

  get #teller(): Teller {
    return {
      gap: (gap) => {
        diagnostics.gap.publish(gap);
        this.#events.tell('gap', gap);
      },
      refused: (refusal) => {
        diagnostics.refused.publish(refusal);
        this.#events.tell('refused', refusal);
      },
      trouble: (trouble) => {
        diagnostics.trouble.publish(trouble);
        this.#events.tell('trouble', trouble);
      },
    };
  }

  get #common() {
    const { scope = 'user', name = 'nats', host = hostname() } = this.#options;
    return { scope, name, host: fieldOf(host), teller: this.#teller, whenHeard: this.#whenHeard };
  }

  #openServices(route: ServiceExportRoute | ServiceImportRoute, services: MicroServices): void {
    const parts = { ...this.#common, services, bus: this.#bus, connection: this.#connection };
    if (isExport(route)) this.#serviceExports.push(new ServiceExportRouteRunner({ ...parts, route }));
    else this.#serviceImports.push(new ServiceImportRouteRunner({ ...parts, route }));
  }

  #exportOf(route: ExportRoute, jetStream: JetStream | undefined): ExportRouteRunner {
    const { stream } = route;
    const connection = this.#connection;
    const splits = route.whenTooLarge === 'split';
    return new ExportRouteRunner({
      ...this.#common,
      bus: this.#bus,
      route,
      own: this.#own,
      makeSink: (hooks) =>
        stream === undefined || jetStream === undefined
          ? new CoreSink(connection, hooks, splits)
          : new StreamSink(connection, jetStream.manager, stream, hooks, splits),
    });
  }

  #importOf(route: ImportRoute, jetStream: JetStream | undefined): RunningImport {
    const { stream } = route;
    const { scope, name, teller, whenHeard } = this.#common;
    const counters = new ImportCounters();
    const names = new NameMap(route.into, route.import);
    const connection = this.#connection;
    const importer = new Importer({
      names,
      scope,
      name,
      define: definitionOf(route, scope),
      checksMessages: route.check === 'messages',
      counters,
      teller,
      isOwn: (incarnation) => this.#isOwn(incarnation),
    });
    let told = '';
    const trouble = (error: Error) => {
      if (error.message === told) return;
      told = error.message;
      teller.trouble({ direction: 'import', channel: route.into, subject: route.import, error });
    };
    const recovered = () => {
      told = '';
    };
    if (stream === undefined || jetStream === undefined) {
      const { maxWaiting = DEFAULT_MAX_WAITING } = this.#options;
      const reader = new CoreImport({ connection, names, importer, maxWaiting, whenHeard, trouble });
      return {
        route,
        counters,
        importer,
        lag: () => reader.waiting,
        close: () => {
          reader.close();
          return importer.close();
        },
      };
    }
    const { folder = '' } = this.#options;
    const checkpoint = new Checkpoint(folder, stream, names.filter, route.into, trouble);
    const reader = new StreamImport({
      connection,
      jetStream,
      stream,
      names,
      importer,
      checkpoint,
      whenHeard,
      trouble,
      recovered,
    });
    return {
      route,
      counters,
      importer,
      lag: () => reader.lag,
      close: async () => {
        const read = reader.close();
        await importer.close();
        await read;
      },
    };
  }

  async #isOwn(incarnation: string): Promise<boolean> {
    if (!this.#own.has(incarnation)) {
      for (const info of await this.#bus.list()) this.#own.add(info.incarnation);
    }
    return this.#own.has(incarnation);
  }

  /** Tells the routes which channels there are. */
  async #watch(there: Set<string>): Promise<void> {
    const { signal } = this.#watching;
    const watch = async (): Promise<never> => {
      for await (const change of this.#bus.watch({ signal })) {
        const { type, channel } = change;
        if (channel.startsWith(BRIDGE_CHANNEL)) continue;
        const service = serviceOf(channel);
        if (service !== undefined) {
          for (const runner of this.#serviceExports) runner.onService(service);
          continue;
        }
        if (type !== 'opened' && type !== 'joined') continue;
        if (type === 'joined' && change.participant.role !== 'publisher') continue;
        if (type === 'opened') for (const { importer } of this.#imports) importer.onOpened(channel);
        for (const runner of this.#exports) runner.onChannel(channel, !there.has(channel));
        // Opened again, it is a new one.
        if (type === 'opened') there.delete(channel);
      }
      throw new Error('the watch over the channels has ended');
    };
    try {
      await retrying(
        watch,
        (error) => this.#teller.trouble({ direction: 'export', channel: '*', subject: '>', error }),
        signal,
      );
    } catch {
      // The bridge was closed.
    }
  }
}

/** What one service has come to, as a passage. */
function serviceState(
  direction: 'export' | 'import',
): (state: { service: string; subject: string; counters: ServiceCounters; open: number }) => PassageState {
  return ({ service: channel, subject, counters, open: lag }) => {
    const passage = { direction, kind: 'service', channel, subject } as const;
    return { ...passage, ...counters, gaps: 0, missed: 0, repeats: 0, own: 0, absent: 0, lag };
  };
}

showAs(OpenBridge.prototype, (bridge) => {
  const state = bridge.isOpen ? 'open' : 'closed';
  return `Bridge { ${state}, ${bridge.passages().length} passages }`;
});
