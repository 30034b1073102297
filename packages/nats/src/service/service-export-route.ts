import type { Bus } from '@mmfbus/channel';
import { ServiceObserver } from '@mmfbus/service/internal';
import type { Teller } from '../foundation/events.js';
import { retrying } from '../foundation/retry.js';
import type { ServiceExportRoute } from '../route.js';
import type { Connection } from '../wire/connection.js';
import { NameMap } from '../wire/names.js';
import { ServiceCounters } from './counters.js';
import type { MicroServices } from './micro-services.js';
import { isOwnServer, ServiceExport } from './service-export.js';

/** Parts of it. */
export interface ServiceExportRouteParts {
  readonly route: ServiceExportRoute;
  readonly bus: Bus;
  readonly connection: Connection;
  readonly services: MicroServices;
  readonly name: string;
  readonly host: string;
  readonly teller: Teller;
}

/** A service of the route. */
interface Exported {
  readonly subject: string;
  readonly counters: ServiceCounters;
  running: ServiceExport | undefined;
  /** Whether it has to be looked at again. */
  isStale: boolean;
  looking: Promise<void> | undefined;
}

/** All services that one route exports, each as long as a server of this machine serves it. */
export class ServiceExportRouteRunner {
  readonly #parts: ServiceExportRouteParts;
  readonly #names: NameMap;
  readonly #observer = new ServiceObserver();
  readonly #services = new Map<string, Exported>();
  readonly #closing = new AbortController();

  constructor(parts: ServiceExportRouteParts) {
    this.#parts = parts;
    this.#names = new NameMap(parts.route.export, parts.route.to);
  }

  /** Its services so far. */
  *states(): Iterable<{ service: string; subject: string; counters: ServiceCounters; open: number }> {
    for (const [service, { subject, counters, running }] of this.#services) {
      yield { service, subject, counters, open: running?.open ?? 0 };
    }
  }

  /** A service exists, or something about its servers has changed. */
  onService(service: string): void {
    if (this.#closing.signal.aborted || !this.#names.means(service)) return;
    const exported = this.#exportedOf(service);
    if (exported === undefined) return;
    exported.isStale = true;
    exported.looking ??= this.#look(service, exported).finally(() => {
      exported.looking = undefined;
      if (exported.isStale) this.onService(service);
    });
  }

  /** Settles when the services that were told of are exported, or were tried in vain. */
  async whenTried(): Promise<void> {
    await Promise.all([...this.#services.values()].map(({ looking }) => looking));
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the bridge was closed'));
    await Promise.all(
      [...this.#services.values()].map(async (exported) => {
        await exported.looking;
        await exported.running?.close();
        exported.running = undefined;
      }),
    );
  }

  #exportedOf(service: string): Exported | undefined {
    const known = this.#services.get(service);
    if (known !== undefined) return known;
    const subject = this.#names.subjectOf(service);
    if (subject === undefined) {
      const error = new Error('its name cannot be a subject, which has no empty parts between its points');
      const { to } = this.#parts.route;
      this.#parts.teller.trouble({ direction: 'export', channel: service, subject: to, error });
      return undefined;
    }
    const exported = {
      subject,
      counters: new ServiceCounters(),
      running: undefined,
      isStale: false,
      looking: undefined,
    };
    this.#services.set(service, exported);
    return exported;
  }

  async #look(service: string, exported: Exported): Promise<void> {
    const { signal } = this.#closing;
    const { teller } = this.#parts;
    const { subject } = exported;
    let told = '';
    const trouble = (error: Error) => {
      if (error.message !== told) teller.trouble({ direction: 'export', channel: service, subject, error });
      told = error.message;
    };
    try {
      await retrying(() => this.#adapt(service, exported), trouble, signal);
    } catch {
      // It was closed.
    }
  }

  /** Exports the service as it is now. */
  async #adapt(service: string, exported: Exported): Promise<void> {
    exported.isStale = false;
    const contract = this.#observer
      .look(service)
      ?.servers.find(
        ({ name, phase, contract }) => isOwnServer(name) && phase === 'serving' && contract,
      )?.contract;
    if (contract?.text === exported.running?.contract.text) return;
    await exported.running?.close();
    exported.running = undefined;
    if (contract === undefined) return;
    const { bus, connection, services, name, host, teller } = this.#parts;
    const { signal } = this.#closing;
    const incarnation = (await bus.list({ signal })).find((info) => info.service === service)?.incarnation;
    if (incarnation === undefined) return;
    const { subject, counters } = exported;
    exported.running = await ServiceExport.open(
      {
        connection,
        services,
        contract,
        subject,
        incarnation,
        name,
        host,
        counters,
        refused: (refusal) =>
          teller.refused({
            direction: 'export',
            channel: service,
            subject,
            incarnation,
            sequence: 0,
            ...refusal,
          }),
      },
      signal,
    );
  }
}
