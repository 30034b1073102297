import type { BridgeEvent, PassageState, Route } from '@mmfbus/nats';
import type { HostJob } from '../programs/nats-host.js';
import { type Program, startProgram } from '../support/spawn.js';

/** How another machine is started. */
export interface HostOptions extends Omit<HostJob, 'routes'> {
  readonly routes: readonly Route[];
  /** Its folder of shared memory. */
  readonly directory: string;
  /** A command, with its arguments, within which it runs. Defaults to none. */
  readonly within?: readonly string[];
}

const EVENTS: ReadonlySet<string> = new Set<BridgeEvent>([
  'gap',
  'refused',
  'trouble',
  'disconnected',
  'connected',
  'close',
]);

/** Another machine: a process with a folder of shared memory of its own, a bridge, and perhaps a subscriber and a publisher. */
export class Host {
  readonly #program: Program;
  /** What happened to its bridge, a line each, in order, as far as its output was read. */
  readonly events: string[] = [];
  /** What it has told and was not asked for yet, by the word before it. */
  readonly #told = new Map<string, string[]>();

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Starts it; it has joined its channel and opened its bridge then. */
  static async start({ directory, within = [], ...job }: HostOptions): Promise<Host> {
    const program = startProgram('nats-host', {
      args: [JSON.stringify(job)],
      within,
      env: { MMFBUS_DIRECTORY: directory },
      watchdog: 300_000,
    });
    await program.waitForLine(/^ready$/);
    return new Host(program);
  }

  /** The next message that its subscriber gets. */
  async message(): Promise<unknown> {
    return JSON.parse(await this.#next('message'));
  }

  /** The next event of that name of its bridge. */
  async event(name: BridgeEvent): Promise<Record<string, unknown>> {
    return JSON.parse(await this.#next(name));
  }

  /** Has the events of that name that were told so far not be asked for any more. */
  async forget(name: BridgeEvent): Promise<void> {
    // What it told before stands before its answer.
    await this.passages();
    this.#told.delete(name);
  }

  /** Waits until it has as many messages as it was to wait for; what they are, in short. */
  async digest(): Promise<string> {
    return this.#next('digest');
  }

  /** Has it publish values of its own, each as `{ from, number }`. */
  publish(count: number): void {
    this.#program.send(`publish ${count}`);
  }

  /** Has it publish all flights, and waits for what they are, in short. */
  async publishFlights(): Promise<string> {
    this.#program.send('flights');
    return this.#next('published');
  }

  /** The next line that its handlers print. */
  async handled(): Promise<string> {
    return this.#next('handled');
  }

  /** Has its server leave, and waits for that. */
  async drain(): Promise<void> {
    this.#program.send('drain');
    await this.#next('drained');
  }

  async passages(): Promise<readonly PassageState[]> {
    this.#program.send('passages');
    return JSON.parse(await this.#next('passages'));
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

  /** What it tells next with that word before it, whatever it told besides. */
  async #next(word: string): Promise<string> {
    for (;;) {
      const text = this.#told.get(word)?.shift();
      if (text !== undefined) return text;
      const [line, told = '', rest = ''] = await this.#program.waitForLine(/^(\w+) ?(.*)$/);
      if (EVENTS.has(told)) this.events.push(line);
      this.#told.set(told, [...(this.#told.get(told) ?? []), rest]);
    }
  }
}
