import type { ServiceContract } from '@mmfbus/service';
import { openClient } from '@mmfbus/service/internal';
import type { Service } from '@nats-io/services';
import type { BridgeRefusal } from '../foundation/events.js';
import type { Connection } from '../wire/connection.js';
import { carriedContract, methodTag, methodTexts } from './carried-contract.js';
import type { ServiceCounters } from './counters.js';
import type { CarryingClient } from './incoming-call.js';
import { IncomingCalls } from './incoming-calls.js';
import { announce, type MicroServices, methodMetadata, NEWS_SUBJECT } from './micro-services.js';

/** Name of a server that stands for servers of other machines: bridges neither export nor call it. */
const SERVER_NAME = 'nats:';

/** The name of the server that stands for a service under that subject. */
export function bridgeServerName(subject: string): string {
  return SERVER_NAME + subject;
}

/** Whether a server is one of this machine. */
export function isOwnServer(name: string): boolean {
  return !name.startsWith(SERVER_NAME);
}

/** Parts of it. */
export interface ServiceExportParts {
  readonly connection: Connection;
  readonly services: MicroServices;
  readonly contract: ServiceContract;
  readonly subject: string;
  /** Of the registry of the service. */
  readonly incarnation: string;
  /** Name of the client, for people. */
  readonly name: string;
  readonly host: string;
  readonly counters: ServiceCounters;
  refused(refusal: Pick<BridgeRefusal, 'reason' | 'message'>): void;
}

/** A service of this machine, as a service of NATS. */
export class ServiceExport {
  readonly contract: ServiceContract;
  readonly #connection: Connection;
  readonly #micro: Service;
  readonly #calls: IncomingCalls;
  readonly #client: CarryingClient & { $close(): Promise<void> };
  readonly #forget: () => void;

  private constructor(
    { contract, connection }: ServiceExportParts,
    micro: Service,
    calls: IncomingCalls,
    client: CarryingClient & { $close(): Promise<void> },
  ) {
    this.contract = contract;
    this.#connection = connection;
    this.#micro = micro;
    this.#calls = calls;
    this.#client = client;
    // Others have looked for it in vain meanwhile.
    this.#forget = connection.onChange(() => connection.tell(NEWS_SUBJECT));
  }

  /**
   * Joins the service as a client, and announces it.
   *
   * @throws what joining throws, and where what it says of itself is larger than the server takes.
   */
  static async open(parts: ServiceExportParts, signal: AbortSignal): Promise<ServiceExport> {
    const { contract, connection, services, subject, name, counters, refused } = parts;
    const carried = carriedContract(contract);
    const options = { name, timeout: Number.POSITIVE_INFINITY, signal };
    const client = (await openClient(carried, options, isOwnServer)) as CarryingClient & {
      $close(): Promise<void>;
    };
    const calls = new IncomingCalls(connection, client, counters, (method, reason, message) =>
      refused({ reason, message: `${method}: ${message}` }),
    );
    let micro: Service | undefined;
    try {
      const texts = methodTexts(contract);
      const announcement = { ...parts, service: contract.name, methods: texts };
      micro = await announce(services, announcement, async () => ({ open: calls.open, ...counters }));
      for (const method of carried.methods.values()) {
        const text = texts.get(method.name) as string;
        const called = { method, tag: methodTag(text) };
        micro.addEndpoint(method.name, {
          subject: `${subject}.${method.name}`,
          metadata: methodMetadata(text),
          handler: (error, message) => {
            if (error === null) calls.onRequest(called, message as never);
          },
        });
      }
      const { length } = Buffer.from(JSON.stringify(micro.info()));
      if (length > connection.maxPayload) {
        const limit = connection.maxPayload;
        throw new Error(
          `its contract takes ${length} bytes as other machines see it, the server at most ${limit}`,
        );
      }
      connection.tell(NEWS_SUBJECT);
      return new ServiceExport(parts, micro, calls, client);
    } catch (error) {
      await micro?.stop();
      await calls.close();
      await client.$close();
      throw error;
    }
  }

  /** Calls under way. */
  get open(): number {
    return this.#calls.open;
  }

  /** Takes no more calls, gives up those that run, and leaves. */
  async close(): Promise<void> {
    this.#forget();
    if (this.#connection.isConnected) {
      await this.#micro.stop();
      this.#connection.tell(NEWS_SUBJECT);
    } else void this.#micro.stop();
    await this.#calls.close();
    await this.#client.$close();
  }
}
