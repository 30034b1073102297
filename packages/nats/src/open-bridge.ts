import { openBus } from '@mmfbus/channel';
import {
  abortSignal,
  anyString,
  type Check,
  milliseconds,
  oneOf,
  unlessAborted,
  wholeNumber,
  withDeadline,
} from '@mmfbus/channel/internal';
import type { NatsConnection } from '@nats-io/nats-core';
import { type Bridge, type BridgeOptions, OpenBridge } from './bridge.js';
import { type Engines, enginesFor } from './engines.js';
import { BridgeError } from './foundation/errors.js';
import { checkRoute, checkValues, describeRoute, isExport, type Route, streamOf } from './route.js';

/** How long opening may take unless told otherwise, milliseconds. */
const OPEN_TIMEOUT = 5000;

const optionRules: Readonly<Record<keyof BridgeOptions, Check>> = {
  scope: oneOf('user', 'machine'),
  host: anyString,
  name: anyString,
  folder: anyString,
  maxWaiting: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  signal: abortSignal,
  timeout: milliseconds,
};

/**
 * Opens a bridge: carries messages between channels of this machine and NATS, as the routes say, and nothing else.
 *
 * @param connection of the program, by its own client, with whatever credentials it takes. The bridge does not close it.
 * @param routes at least one. Two that import must not lead into one channel.
 * @throws {@link BridgeError} `INVALID_ARGUMENT`, `NO_JETSTREAM`, `NO_SERVICES`, `NO_STREAM`, `TIMEOUT`, or `CLOSED` where the connection is closed; `ChannelError`
 * as opening a bus does; the signal's reason when it aborts. Then nothing is left of it.
 */
export async function openBridge(
  connection: NatsConnection,
  routes: readonly Route[],
  options: BridgeOptions = {},
): Promise<Bridge> {
  checkAll(routes, options);
  const { scope = 'user' } = options;
  return withinTime(connection, routes, options, async (engines, limit) => {
    const bus = await openBus({ scope, signal: limit, timeout: Number.POSITIVE_INFINITY });
    const bridge = new OpenBridge(connection, bus, options);
    try {
      await bridge.start(routes, engines, limit);
    } catch (error) {
      await bridge.close({ timeout: 0 });
      throw error;
    }
    return bridge;
  });
}

/**
 * Refuses what {@link openBridge} would refuse, and carries nothing.
 *
 * @throws {@link BridgeError} as that does; the signal's reason when it aborts.
 */
export async function checkBridge(
  connection: NatsConnection,
  routes: readonly Route[],
  options: BridgeOptions = {},
): Promise<void> {
  checkAll(routes, options);
  await withinTime(connection, routes, options, async () => {});
}

/** What can be seen without a connection. */
function checkAll(routes: readonly Route[], options: BridgeOptions): void {
  checkValues('the options of a bridge', options, optionRules);
  const { scope = 'user', folder = '' } = options;
  if (!Array.isArray(routes) || routes.length === 0) {
    throw new BridgeError(
      'INVALID_ARGUMENT',
      'the bridge',
      'routes must be an array with at least one route',
    );
  }
  for (const [index, route] of routes.entries()) checkRoute(route, index, scope);
  const needsFolder = routes.find((route) => !isExport(route) && streamOf(route) !== undefined);
  if (needsFolder !== undefined && folder === '') {
    const text = 'it imports from a stream: the option folder must say where its checkpoint is kept';
    throw new BridgeError('INVALID_ARGUMENT', describeRoute(needsFolder), text);
  }
}

/** Does something with the streams of the routes, as long as there is time. */
async function withinTime<R>(
  connection: NatsConnection,
  routes: readonly Route[],
  { signal, timeout = OPEN_TIMEOUT }: BridgeOptions,
  action: (engines: Engines, limit: AbortSignal) => Promise<R>,
): Promise<R> {
  if (connection.isClosed()) throw new BridgeError('CLOSED', 'the bridge', 'the connection is closed');
  const tooLate = () =>
    new BridgeError('TIMEOUT', 'the bridge', `the server did not answer within ${timeout} ms`);
  return withDeadline({ signal, timeout }, tooLate, async (limit) => {
    const engines = await unlessAborted(enginesFor(connection, routes), limit);
    return action(engines, limit);
  });
}
