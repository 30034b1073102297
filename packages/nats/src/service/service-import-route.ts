import type { Bus } from '@mmfbus/channel';
import { MAX_SERVICE_NAME_LENGTH } from '@mmfbus/channel/internal';
import { timers } from '@mmfbus/core/internal';
import type { MethodContract, Server, ServiceContract } from '@mmfbus/service';
import { serve } from '@mmfbus/service/internal';
import type { Subscription } from '@nats-io/nats-core';
import type { Teller } from '../foundation/events.js';
import type { ServiceImportRoute } from '../route.js';
import type { Connection } from '../wire/connection.js';
import { NameMap } from '../wire/names.js';
import { carriedContract, contractOfMethods, methodTag, methodTexts } from './carried-contract.js';
import { ServiceCounters } from './counters.js';
import { announcedServices, type MicroServices, NEWS_SUBJECT } from './micro-services.js';
import { OutgoingCalls } from './outgoing-calls.js';
import { bridgeServerName } from './service-export.js';

/** How often the services of other machines are looked for where nothing tells of them, milliseconds. */
const LONGEST_PAUSE = 10_000;
/** After something was told or has changed it is looked again so soon, then after twice that, and so on. */
const FIRST_PAUSE = 500;
/** Looks in which a service does not answer before it counts as gone. */
const MOST_MISSED = 2;

/** Parts of it. */
export interface ServiceImportRouteParts {
  readonly route: ServiceImportRoute;
  readonly bus: Bus;
  readonly connection: Connection;
  readonly services: MicroServices;
  readonly host: string;
  readonly teller: Teller;
}

/** A service of other machines that is served here. */
interface Imported {
  readonly subject: string;
  readonly counters: ServiceCounters;
  readonly calls: OutgoingCalls;
  server: Server | undefined;
  /** Settles when the server before has left. */
  left: Promise<void>;
  /** Text of its contract. */
  text: string;
  /** Looks in which it did not answer. */
  missed: number;
  /** What was wrong with it when that was told last. */
  told: string;
}

/** All services that one route imports, each served here as long as a bridge elsewhere exports it. */
export class ServiceImportRouteRunner {
  readonly #parts: ServiceImportRouteParts;
  readonly #names: NameMap;
  readonly #imported = new Map<string, Imported>();
  readonly #closing = new AbortController();
  readonly #news: Subscription;
  readonly #forget: () => void;
  #timer: NodeJS.Timeout | undefined;
  #pause = FIRST_PAUSE;
  #isStale = false;
  #looking: Promise<void> | undefined;
  #told = '';

  constructor(parts: ServiceImportRouteParts) {
    this.#parts = parts;
    this.#names = new NameMap(parts.route.into, parts.route.import);
    const { connection } = parts;
    this.#news = connection.nats.subscribe(NEWS_SUBJECT, { callback: () => this.#onNews() });
    this.#forget = connection.onChange((isConnected) => {
      for (const imported of this.#imported.values()) {
        if (isConnected) imported.calls.renew();
        else void this.#stop(imported, 'the connection to the other machines is lost');
      }
      this.#onNews();
    });
    this.#look();
  }

  /** Its services so far. */
  *states(): Iterable<{ service: string; subject: string; counters: ServiceCounters; open: number }> {
    for (const [service, { subject, counters, calls }] of this.#imported) {
      yield { service, subject, counters, open: calls.open };
    }
  }

  /** Settles when it has looked for the services that there are. */
  async whenTried(): Promise<void> {
    await this.#looking;
  }

  #onNews(): void {
    this.#pause = FIRST_PAUSE;
    this.#look();
  }

  /** Looks what other machines serve. */
  #look(): void {
    if (this.#closing.signal.aborted) return;
    this.#isStale = true;
    this.#looking ??= this.#lookUntilFresh().finally(() => {
      this.#looking = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the bridge was closed'));
    timers.clearTimeout(this.#timer);
    this.#forget();
    const { nats } = this.#parts.connection;
    if (!nats.isClosed()) this.#news.unsubscribe();
    await this.#looking;
    for (const imported of this.#imported.values()) {
      await this.#stop(imported, 'the bridge was closed');
      imported.calls.close();
    }
  }

  async #lookUntilFresh(): Promise<void> {
    const { signal } = this.#closing;
    timers.clearTimeout(this.#timer);
    while (this.#isStale && !signal.aborted) {
      this.#isStale = false;
      try {
        await this.#adapt();
        this.#told = '';
      } catch (error) {
        const { import: subject, into } = this.#parts.route;
        if (!signal.aborted && (error as Error).message !== this.#told)
          this.#parts.teller.trouble({ direction: 'import', channel: into, subject, error: error as Error });
        this.#told = (error as Error).message;
      }
    }
    if (signal.aborted) return;
    this.#timer = timers.setTimeout(() => this.#look(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  /** Serves what there is. */
  async #adapt(): Promise<void> {
    const { connection, services, bus } = this.#parts;
    const { signal } = this.#closing;
    if (!connection.isConnected) {
      // One may have been opened when the connection was gone.
      await Promise.all([...this.#imported.values()].map((one) => this.#stop(one, 'the connection is lost')));
      return;
    }
    const announced = await announcedServices(services);
    const own = new Set((await bus.list({ signal })).map(({ incarnation }) => incarnation));
    if (!connection.isConnected) return;
    const found = new Map<string, Map<string, { methods: readonly string[]; count: number }>>();
    for (const { subject, incarnation, methods } of announced) {
      const service = this.#names.channelOf(subject);
      if (service === undefined || service.length > MAX_SERVICE_NAME_LENGTH || own.has(incarnation)) continue;
      const imported = this.#importedOf(service, subject);
      const versions = found.get(service) ?? new Map();
      const key = methods.join(',');
      versions.set(key, { methods, count: (versions.get(key)?.count ?? 0) + 1 });
      found.set(service, versions);
      imported.missed = 0;
    }
    for (const [service, imported] of this.#imported) {
      const versions = found.get(service);
      if (versions !== undefined) {
        await this.#serve(service, imported, versions);
      } else if (imported.server !== undefined) {
        this.#pause = FIRST_PAUSE;
        if (++imported.missed >= MOST_MISSED)
          await this.#stop(imported, 'no other machine has the service any more');
      }
    }
  }

  #importedOf(service: string, subject: string): Imported {
    const known = this.#imported.get(service);
    if (known !== undefined) return known;
    const counters = new ServiceCounters();
    const { connection, host } = this.#parts;
    const calls = new OutgoingCalls(connection, counters, host, () => this.#onNews());
    const imported = {
      subject,
      counters,
      calls,
      server: undefined,
      left: Promise.resolve(),
      text: '',
      missed: 0,
      told: '',
    };
    this.#imported.set(service, imported);
    return imported;
  }

  /** Serves the contract that most machines have. */
  async #serve(
    service: string,
    imported: Imported,
    versions: ReadonlyMap<string, { readonly methods: readonly string[]; readonly count: number }>,
  ): Promise<void> {
    const [best] = [...versions.values()].sort(
      (a, b) => b.count - a.count || (a.methods.join() < b.methods.join() ? -1 : 1),
    );
    if (best === undefined) return;
    try {
      const contract = contractOfMethods(service, best.methods);
      if (imported.server?.isOpen !== true || imported.text !== contract.text) {
        await this.#stop(imported, 'the contract of the service has changed');
        await this.#start(imported, contract);
      }
      if (versions.size === 1) imported.told = '';
      else
        throw new Error(
          `other machines have ${versions.size} different contracts of it; calls go to those of one`,
        );
    } catch (error) {
      if (this.#closing.signal.aborted || (error as Error).message === imported.told) return;
      imported.told = (error as Error).message;
      const { subject } = imported;
      this.#parts.teller.trouble({ direction: 'import', channel: service, subject, error: error as Error });
    }
  }

  async #start(imported: Imported, contract: ServiceContract): Promise<void> {
    const { subject, calls } = imported;
    const carried = carriedContract(contract);
    const texts = methodTexts(contract);
    const handlers = Object.fromEntries(
      [...carried.methods.values()].map((method: MethodContract) => {
        const tag = methodTag(texts.get(method.name) as string);
        const to = `${subject}.${method.name}`;
        const handler = (input: unknown, context: never) =>
          calls.call(contract.name, method, to, tag, input, context);
        return [method.name, handler];
      }),
    );
    imported.server = await serve(carried, handlers, {
      name: bridgeServerName(subject),
      concurrency: Number.POSITIVE_INFINITY,
      streams: Number.POSITIVE_INFINITY,
      signal: this.#closing.signal,
    });
    imported.text = contract.text;
  }

  /** Leaves the service here: its clients hear of that at once. */
  #stop(imported: Imported, why: string): Promise<void> {
    const { server, calls, subject } = imported;
    imported.server = undefined;
    calls.abandon(why);
    const { route, teller } = this.#parts;
    imported.left =
      server?.close().catch((error: Error) => {
        teller.trouble({ direction: 'import', channel: route.into, subject, error });
      }) ?? imported.left;
    return imported.left;
  }
}
