import type { NatsConnection } from '@nats-io/nats-core';
import { BridgeError } from './foundation/errors.js';
import type { JetStream } from './import/stream-import.js';
import { describeRoute, isOfServices, type Route, streamOf } from './route.js';
import { loadMicroServices, type MicroServices } from './service/micro-services.js';

/** What routes are served by, beside core NATS: what none of them needs is not loaded. */
export interface Engines {
  readonly jetStream: JetStream | undefined;
  readonly services: MicroServices | undefined;
}

/**
 * Loads them.
 *
 * @throws {@link BridgeError} `NO_JETSTREAM`, `NO_SERVICES` or `NO_STREAM`.
 */
export async function enginesFor(connection: NatsConnection, routes: readonly Route[]): Promise<Engines> {
  const jetStream = await jetStreamFor(connection, routes);
  return { jetStream, services: await servicesFor(connection, routes) };
}

/** What services of NATS are made by, where a route is of services. */
async function servicesFor(
  connection: NatsConnection,
  routes: readonly Route[],
): Promise<MicroServices | undefined> {
  const first = routes.find(isOfServices);
  if (first === undefined) return undefined;
  try {
    return await loadMicroServices(connection);
  } catch (error) {
    const text = 'it is of services, and the package @nats-io/services is not installed';
    throw new BridgeError('NO_SERVICES', describeRoute(first), text, { cause: error });
  }
}

/** What JetStream offers, where a route has a stream; each stream is there then. */
async function jetStreamFor(
  connection: NatsConnection,
  routes: readonly Route[],
): Promise<JetStream | undefined> {
  const first = routes.find((route) => streamOf(route) !== undefined);
  if (first === undefined) return undefined;
  let module: typeof import('@nats-io/jetstream');
  try {
    module = await import('@nats-io/jetstream');
  } catch (error) {
    const text = 'it has a stream, and the package @nats-io/jetstream is not installed';
    throw new BridgeError('NO_JETSTREAM', describeRoute(first), text, { cause: error });
  }
  const manager = await module.jetstreamManager(connection, { checkAPI: false });
  for (const route of routes) {
    const stream = streamOf(route);
    if (stream === undefined) continue;
    try {
      await manager.streams.info(stream);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BridgeError('NO_STREAM', describeRoute(route), `there is no stream ${stream}: ${why}`, {
        cause: error,
      });
    }
  }
  return { client: module.jetstream(connection), manager };
}
