import { type NatsConnection, NoRespondersError } from '@nats-io/nats-core';
import type { Service, ServiceInfo, Svcm } from '@nats-io/services';

/** Names in the metadata of services and endpoints. */
const SUBJECT = 'mmfbus.subject';
const SERVICE = 'mmfbus.service';
const INCARNATION = 'mmfbus.incarnation';
const HOST = 'mmfbus.host';
const METHOD = 'mmfbus.method';
/** Version of how calls cross, which services of NATS have to have. */
const VERSION = '1.0.0';
/** How long services have to answer what they are, milliseconds. */
const MOST_WAIT = 2000;
/** Where bridges say that a service came, or goes. */
export const NEWS_SUBJECT = 'mmfbus.services';

/** What `@nats-io/services` offers, loaded where a route is of services. */
export type MicroServices = Svcm;

/** A service of another machine, or of this one, as a bridge has announced it. */
export interface AnnouncedService {
  /** Where its methods are called: this, `.` and the name of the method. */
  readonly subject: string;
  /** Of the registry of the service where it is served. */
  readonly incarnation: string;
  /** Text of each method; see `methodTexts`. */
  readonly methods: readonly string[];
}

/** What a bridge tells of a service that it exports. */
export interface Announcement extends Omit<AnnouncedService, 'methods'> {
  readonly service: string;
  readonly host: string;
  readonly methods: ReadonlyMap<string, string>;
}

/** The client's manager of services on that connection. */
export async function loadMicroServices(connection: NatsConnection): Promise<MicroServices> {
  const { Svcm } = await import('@nats-io/services');
  return new Svcm(connection as never);
}

/** Makes a service of NATS; its endpoints are added to it. */
export function announce(
  services: MicroServices,
  { service, subject, incarnation, host }: Announcement,
  statsHandler: () => Promise<unknown>,
): Promise<Service> {
  return services.add({
    name: microName(service),
    version: VERSION,
    description: `${service}, a service of mmfbus`,
    metadata: { [SUBJECT]: subject, [SERVICE]: service, [INCARNATION]: incarnation, [HOST]: host },
    statsHandler,
  });
}

/** What its endpoint for a method says of the method. */
export function methodMetadata(text: string): Record<string, string> {
  return { [METHOD]: text };
}

/** Asks which services there are; the result has only those that bridges serve, and is empty where no service answers. */
export async function announcedServices(services: MicroServices): Promise<readonly AnnouncedService[]> {
  const client = services.client({ strategy: 'stall', maxWait: MOST_WAIT } as never);
  const found: AnnouncedService[] = [];
  try {
    for await (const info of await client.info()) {
      const one = announcedBy(info);
      if (one !== undefined) found.push(one);
    }
  } catch (error) {
    if (!(error instanceof NoRespondersError)) throw error;
  }
  return found;
}

function announcedBy({ metadata = {}, version, endpoints }: ServiceInfo): AnnouncedService | undefined {
  const [subject, incarnation] = [metadata[SUBJECT], metadata[INCARNATION]];
  if (subject === undefined || incarnation === undefined || version !== VERSION) return undefined;
  const methods = endpoints.flatMap(({ metadata }) => metadata?.[METHOD] ?? []);
  return { subject, incarnation, methods };
}

/** The name of a service as NATS allows it. */
function microName(service: string): string {
  return service.replaceAll('.', '_');
}
