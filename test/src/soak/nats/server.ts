import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A real server of NATS with JetStream. It is killed and started again on the same port, with the same streams. */
export class SoakServer {
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #port = -1;

  /** @param folder of its streams. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get port(): number {
    return this.#port;
  }

  /** Starts it; settles when it listens. */
  async start(): Promise<void> {
    const args = ['-a', '0.0.0.0', '-p', `${this.#port}`, '-js', '-sd', this.#folder];
    const server = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = server;
    await new Promise<void>((resolve, reject) => {
      let log = '';
      server.once('error', reject);
      server.once('close', (status) => reject(new Error(`nats-server ended with status ${status}: ${log}`)));
      createInterface({ input: server.stderr }).on('line', (line) => {
        log = `${log}\n${line}`.slice(-4000);
        const port = /Listening for client connections on [\d.]+:(\d+)/.exec(line)?.[1];
        if (port !== undefined) this.#port = Number(port);
        if (line.includes('Server is ready')) resolve();
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Kills it, and waits for its end. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'close');
    server.kill('SIGKILL');
    await ended;
  }
}
