import type { BridgeEvent, PassageState, Route } from '@mmfbus/nats';
import type { HostJob } from '../programs/nats-host.js';
import { type Program, startProgram } from '../support/spawn.js';

/** How another machine is started. */
export interface HostOptions extends Omit<HostJob, 'routes'> {
  readonly routes: readonly Route[];
  /** Its folder of shared memory. */
  readonly directory: string;
}

/** Another machine: a process with a folder of shared memory of its own, a bridge, and perhaps a subscriber and a publisher. */
export class Host {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Starts it; it has joined its channel and opened its bridge then. */
  static async start({ directory, ...job }: HostOptions): Promise<Host> {
    const program = startProgram('nats-host', {
      args: [JSON.stringify(job)],
      env: { MMFBUS_DIRECTORY: directory },
      watchdog: 300_000,
    });
    await program.waitForLine(/^ready$/);
    return new Host(program);
  }

  /** The next message that its subscriber gets. */
  async message(): Promise<unknown> {
    const [, text = ''] = await this.#program.waitForLine(/^message (.*)$/);
    return JSON.parse(text);
  }

  /** The next event of that name of its bridge; lines before it are passed over. */
  async event(name: BridgeEvent): Promise<Record<string, unknown>> {
    const [, text = ''] = await this.#program.waitForLine(new RegExp(`^event ${name} (.*)$`));
    return JSON.parse(text);
  }

  /** Waits until it has as many messages as it was to wait for; what they are, in short. */
  async digest(): Promise<string> {
    const [, text = ''] = await this.#program.waitForLine(/^digest (.*)$/);
    return text;
  }

  /** Has it publish values of its own, each as `{ from, number }`. */
  publish(count: number): void {
    this.#program.send(`publish ${count}`);
  }

  /** Has it publish all flights, and waits for what they are, in short. */
  async publishFlights(): Promise<string> {
    this.#program.send('flights');
    const [, text = ''] = await this.#program.waitForLine(/^published (.*)$/);
    return text;
  }

  async passages(): Promise<readonly PassageState[]> {
    this.#program.send('passages');
    const [, text = ''] = await this.#program.waitForLine(/^passages (.*)$/);
    return JSON.parse(text);
  }

  kill(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  /** Kills it, and waits for its end. */
  async stop(): Promise<void> {
    await this.#program.stop();
  }

  /** Has it close everything, and waits for its end. */
  async close(): Promise<void> {
    this.#program.endInput();
    await this.#program.success();
  }
}
