import type { Bridge, BridgeEvent } from '@mmfbus/nats';
import { UsageError, wholeNumber } from '@mmfbus/terminal';
import { readConfiguration } from '../bridge/configuration.js';
import { connectTo, loadPackages } from '../bridge/connect.js';
import { HealthServer } from '../bridge/health.js';
import { BridgeTeller } from '../bridge/state.js';
import { type Command, type Context, defineCommand } from '../command.js';
import type { Output } from '../output.js';

const options = {
  config: { type: 'string', value: 'FILE', about: 'routes, options and credentials, in JSON' },
  check: {
    type: 'boolean',
    about: 'say whether the file can be used, and the server has its streams; carry nothing',
  },
  health: {
    type: 'string',
    value: 'PORT',
    about: 'answer GET /health on 127.0.0.1; 0 for any port that is free',
  },
} as const;

const EVENTS: readonly BridgeEvent[] = ['gap', 'refused', 'trouble', 'disconnected', 'connected', 'close'];

export const command: Command = defineCommand({
  name: 'bridge',
  summary: 'carry channels to other machines, and back, through NATS',
  usage: 'nats://HOST [nats://HOST …] --config FILE [--check] [--health PORT]',
  wordCount: { least: 1, most: 16 },
  help: `Runs until Ctrl-C. On SIGHUP it reads the file again: where that can be used, a new bridge takes the place of the old one;
otherwise the old one goes on. It needs the packages @mmfbus/nats and @nats-io/transport-node beside mmfbus.

The file has routes, as openBridge() of @mmfbus/nats takes them, and may have host, name, folder, maxWaiting and connection.

  mmfbus bridge nats://nats.example.com --config bridge.json --check
  mmfbus bridge nats://nats.example.com --config bridge.json --health 7422 --json`,
  options,
  reloads: true,
  run,
});

async function run(context: Context<typeof options>): Promise<number> {
  const { values, words, out, signal, scope } = context;
  const { config } = values;
  if (config === undefined) throw new UsageError('--config must name the file of the bridge');
  const port = values.health === undefined ? undefined : wholeNumber('--health', values.health, 0, 65_535);
  // The client would ignore them; and other users of the machine see the words of a command line.
  if (words.some((word) => word.includes('@')))
    throw new UsageError(
      'a server is named without user, password and token: they stand under connection in the file',
    );
  const isJson = values.json === true;
  const packages = await loadPackages();
  const { routes, options, connection: credentials } = readConfiguration(config);
  const connection = await connectTo(packages, words, options.name ?? 'mmfbus bridge', credentials);
  try {
    if (values.check === true) {
      await packages.nats.checkBridge(connection, routes, { ...options, scope, signal });
      await tell(out, isJson, 'checked', { routes: routes.length });
      return 0;
    }
    const open = async ({
      routes,
      options,
    }: Pick<ReturnType<typeof readConfiguration>, 'routes' | 'options'>) =>
      follow(await packages.nats.openBridge(connection, routes, { ...options, scope, signal }), out, isJson);
    const about = { scope, name: options.name ?? 'nats', server: connection.getServer() };
    return await serve({
      config,
      out,
      isJson,
      signal,
      port,
      about,
      open,
      first: await open({ routes, options }),
    });
  } finally {
    await connection.close();
  }
}

interface Serving {
  readonly config: string;
  readonly out: Output;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
  readonly port: number | undefined;
  readonly about: { readonly scope: 'user' | 'machine'; readonly name: string; readonly server: string };
  readonly first: Bridge;
  open(configuration: ReturnType<typeof readConfiguration>): Promise<Bridge>;
}

/** Runs until the signal aborts, or the connection is closed. */
async function serve({ config, out, isJson, signal, port, about, first, open }: Serving): Promise<number> {
  let bridge = first;
  const teller = await BridgeTeller.open(about, () => bridge);
  const watch = (one: Bridge) =>
    one.on('connected', () => teller.changed(true)).on('disconnected', () => teller.changed(false));
  watch(bridge);
  const health =
    port === undefined
      ? undefined
      : await HealthServer.start(port, () => ({
          connected: teller.isConnected,
          passages: bridge.passages(),
        }));
  let settle: (status: number) => void = () => {};
  const end = new Promise<number>((resolve) => {
    settle = resolve;
  });
  const follow = (one: Bridge) =>
    void one.closed.then(({ reason }) => {
      if (reason === 'connection') settle(1);
    });
  let reloading = Promise.resolve();
  const reload = async () => {
    try {
      const configuration = readConfiguration(config);
      // Two bridges must not have the same checkpoints.
      await bridge.close();
      bridge = await open(configuration);
      watch(bridge);
      follow(bridge);
      await tell(out, isJson, 'reloaded', { routes: configuration.routes.length });
    } catch (error) {
      await tell(out, isJson, 'not reloaded', { error });
      // Without a bridge there is nothing to go on with.
      if (!bridge.isOpen) settle(1);
    }
  };
  const onHangUp = () => {
    reloading = reloading.then(reload);
  };
  const onAbort = () => settle(0);
  process.on('SIGHUP', onHangUp);
  signal.addEventListener('abort', onAbort);
  follow(bridge);
  try {
    await tell(
      out,
      isJson,
      'open',
      health === undefined ? {} : { health: `http://127.0.0.1:${health.port}/health` },
    );
    if (signal.aborted) settle(0);
    return await end;
  } finally {
    process.off('SIGHUP', onHangUp);
    signal.removeEventListener('abort', onAbort);
    await reloading;
    await health?.close();
    await teller.close();
    await bridge.close();
  }
}

function follow(bridge: Bridge, out: Output, isJson: boolean): Bridge {
  for (const event of EVENTS) {
    bridge.on(event, (told: object = {}) => void tell(out, isJson, event, { ...told }));
  }
  return bridge;
}

/** A line of the log. Errors are their messages: what else they hold may be secret. */
async function tell(
  out: Output,
  isJson: boolean,
  event: string,
  told: Readonly<Record<string, unknown>>,
): Promise<void> {
  const shown = Object.fromEntries(
    Object.entries(told).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  );
  if (isJson) return out.json({ time: new Date().toISOString(), event, ...shown });
  const details = Object.entries(shown).filter(([, value]) => value !== undefined);
  await out.line(`${event}${details.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join('')}`);
}
