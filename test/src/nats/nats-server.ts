import { join } from 'node:path';
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import { Program } from '../support/spawn.js';
import { commandOf } from '../support/tools.js';

/** How a server is started. */
export interface NatsServerOptions {
  /** Folder of its streams; without one it has no JetStream. */
  readonly folder?: string;
  /** Address where it listens. Defaults to 127.0.0.1. */
  readonly address?: string;
  /** Defaults to a free one. */
  readonly port?: number;
  /** More arguments of `nats-server`. */
  readonly args?: readonly string[];
}

/** A real server on the loopback. It does not outlive the test. */
export class NatsServer {
  readonly port: number;
  readonly #program: Program;
  readonly #options: NatsServerOptions;

  private constructor(port: number, program: Program, options: NatsServerOptions) {
    this.port = port;
    this.#program = program;
    this.#options = options;
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const { folder, address = '127.0.0.1', port = -1, args = [] } = options;
    const stored = folder === undefined ? [] : ['-js', '-sd', join(folder, 'jetstream')];
    const program = new Program('nats-server', [], {
      // It writes its log to the standard error.
      within: ['sh', '-c', 'exec "$@" 2>&1', 'sh'],
      runtime: [commandOf('NATS')],
      args: ['-a', address, '-p', `${port}`, ...stored, ...args],
      watchdog: 300_000,
    });
    const line = await program.waitForLine(/Listening for client connections on [\d.]+:(\d+)/);
    await program.waitForLine(/Server is ready/);
    return new NatsServer(Number(line[1]), program, options);
  }

  get url(): string {
    return `nats://${this.#options.address ?? '127.0.0.1'}:${this.port}`;
  }

  /** Its log so far. */
  get log(): string {
    return this.#program.output;
  }

  /** Sends it a signal and does not wait. */
  kill(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  /** Kills it, and starts one on the same port, with the same streams. */
  async restart(): Promise<NatsServer> {
    await this.#program.stop();
    return NatsServer.start({ ...this.#options, port: this.port });
  }

  /** Connects to it, until the test ends. */
  async connect(options: ConnectionOptions = {}): Promise<NatsConnection> {
    const connection = await connect({
      servers: this.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      reconnectJitter: 10,
      ...options,
    });
    onTestFinished(() => connection.close());
    return connection;
  }
}
