import { createServer } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import { NatsServer } from './nats-server.js';

const SIZE = 3;
/** Milliseconds between two looks at a cluster. */
const PAUSE = 100;
/** Milliseconds that a server may take to say how it is. */
const PATIENCE = 5000;
/** Characters of a server's log that are shown. */
const SHOWN_LOG = 3000;

/** A cluster of three real servers with JetStream. A server can be killed and started again. */
export class Cluster {
  readonly #servers: Map<string, NatsServer>;
  readonly #dead = new Set<string>();

  private constructor(servers: Map<string, NatsServer>) {
    this.#servers = servers;
  }

  /** Starts it; its servers know each other then, and need not have a leader yet. */
  static async start(folder: string): Promise<Cluster> {
    const ports = await freePorts(SIZE);
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
    const started = routes.map(async (url, index) => {
      const name = `server-${index}`;
      const args = ['-n', name, '--cluster_name', 'desk', '--cluster', url, '--routes', routes.join(',')];
      return [name, await NatsServer.start({ folder: join(folder, name), args })] as const;
    });
    return new Cluster(new Map(await Promise.all(started)));
  }

  get names(): readonly string[] {
    return [...this.#servers.keys()];
  }

  urlOf(name: string): string {
    return this.#of(name).url;
  }

  kill(name: string): void {
    this.#dead.add(name);
    this.#of(name).kill('SIGKILL');
  }

  async restart(name: string): Promise<void> {
    this.#servers.set(name, await this.#of(name).restart());
    this.#dead.delete(name);
  }

  /** Connects to whichever server lives, until the test ends. */
  connect(): Promise<NatsConnection> {
    return this.#of(this.names[0] as string).connect();
  }

  /** What is seen of a stream, for people: by each server that lives, with its consumers and the ends of all logs. */
  async describe(stream: string): Promise<string> {
    const told = this.names.map(async (name) => {
      const log = this.#of(name)
        .log.replaceAll(/.*Error trying to connect to route.*\n/g, '')
        .slice(-SHOWN_LOG);
      const state = this.#dead.has(name) ? 'is dead' : await stateOf(this.urlOf(name), stream);
      return `${name} ${state}\n${log}`;
    });
    return (await Promise.all(told)).join('\n');
  }

  #of(name: string): NatsServer {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`there is no server ${name}`);
    return server;
  }
}

/** Makes a stream of three replicas. */
export async function addStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>,
): Promise<void> {
  await untilDone(() => manager.streams.add({ ...config, num_replicas: SIZE }));
}

/** What is known of a stream when it has a leader, and all of its replicas have all of it. */
export function wholeStream(
  manager: JetStreamManager,
  stream: string,
): Promise<StreamInfo & { leader: string }> {
  return untilDone(async () => {
    const info = await manager.streams.info(stream);
    const { leader, replicas = [] } = info.cluster ?? {};
    const isWhole =
      replicas.length === SIZE - 1 && replicas.every(({ current, offline }) => current && !offline);
    if (leader === undefined || leader === '' || !isWhole) throw new Error('the cluster is not whole');
    return { ...info, leader };
  });
}

/** Tries until it is done: a cluster without a leader refuses, or does not answer. A watchdog ends it. */
export async function untilDone<R>(action: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await action();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/** Has waits fail that wait while nothing goes on, and says how everything is then. */
export class Watchdog {
  readonly #ticks: number;
  readonly #explain: () => Promise<string>;
  #left: number;
  #fail: (error: Error) => void = () => {};

  /**
   * @param seconds after which it barks. They are counted in ticks of this process, which has none while it is stopped.
   * @param explain says what is seen.
   */
  constructor(seconds: number, explain: () => Promise<string>) {
    this.#ticks = seconds;
    this.#left = seconds;
    this.#explain = explain;
    const timer = setInterval(() => {
      if (--this.#left === 0) void this.#bark();
    }, 1000);
    onTestFinished(() => clearInterval(timer));
  }

  /** Waits; what settles is what goes on. */
  async over<R>(what: string, wait: Promise<R>): Promise<R> {
    this.#left = this.#ticks;
    return Promise.race([
      wait,
      new Promise<never>((_, reject) => {
        this.#fail = (error) => reject(new Error(`${what}: ${error.message}`));
      }),
    ]);
  }

  async #bark(): Promise<void> {
    const seen = await this.#explain().catch((error: unknown) => `(what is seen: ${error})`);
    this.#fail(new Error(`nothing went on for ${this.#ticks} seconds\n${seen}`));
  }
}

async function stateOf(url: string, stream: string): Promise<string> {
  try {
    const connection = await connect({
      servers: url,
      timeout: PATIENCE,
      noRandomize: true,
      ignoreClusterUpdates: true,
    });
    try {
      const ask = async (subject: string) => {
        const reply = connection.request(`$JS.API.${subject}`, '{}', { timeout: PATIENCE });
        return reply.then((message) => message.json(), String);
      };
      const [info, consumers] = await Promise.all([
        ask(`STREAM.INFO.${stream}`),
        ask(`CONSUMER.LIST.${stream}`),
      ]);
      return inspect({ info, consumers }, { depth: 6, breakLength: 140, compact: 10 });
    } finally {
      await connection.close();
    }
  } catch (error) {
    return `does not answer: ${error}`;
  }
}

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
