import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Agent, type Answer } from '../agent.js';
import type { Language } from '../agents.js';
import type { CallScenario } from './scenarios.js';
import { conformanceService } from './service.js';

let stages = 0;

/** Where a scenario takes place: a language that serves and one that calls, a service, and directories of its own. */
export class CallStage {
  /** Name of the service. */
  readonly service: string = `conformance-${process.pid}-${++stages}`;
  readonly #contract = conformanceService(this.service).contract.text;
  readonly #serving: Language;
  readonly #calling: Language;
  readonly #directory: string;
  readonly #journals: string;
  readonly #agents: Agent[] = [];

  constructor(serving: Language, calling: Language) {
    this.#serving = serving;
    this.#calling = calling;
    const parent = process.platform === 'linux' ? '/dev/shm' : tmpdir();
    this.#directory = mkdtempSync(join(parent, `mmfbus-test-${process.pid}-calls-`));
    this.#journals = mkdtempSync(join(tmpdir(), 'mmfbus-journals-'));
  }

  /** An agent that serves, under that name. */
  async server(name: string, options = ''): Promise<Agent> {
    const agent = await this.idleServer();
    await agent.ask(this.serve(name, options));
    return agent;
  }

  /** The command to serve under that name. */
  serve(name: string, options = ''): string {
    return `serve ${this.service} name=${name} journal=${this.#journalOf(name)} ${options}`.trimEnd();
  }

  /** An agent in the language that serves, which has not begun to. */
  idleServer(): Promise<Agent> {
    return this.#start(this.#serving);
  }

  /** An agent that calls. */
  async client(options = ''): Promise<Agent> {
    const agent = await this.idleClient();
    await agent.ask(this.open(options));
    return agent;
  }

  /** The command to become a client. */
  open(options = ''): string {
    return `client ${this.service} name=caller ${options}`.trimEnd();
  }

  /** An agent in the language that calls, which is no client yet. */
  idleClient(): Promise<Agent> {
    return this.#start(this.#calling);
  }

  /** What the handlers of a server have written down. */
  journal(name: string): string[] {
    const file = this.#journalOf(name);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Resolves when a handler of that server has written the line. */
  async written(name: string, line: string): Promise<void> {
    while (!this.journal(name).includes(line)) await nextTurn();
  }

  /** Has an agent obey commands until it waits at that step. What is returned lets it go on, and obey them to the end. */
  async waitsAt(step: string, agent: Agent, ...commands: readonly string[]): Promise<() => Promise<void>> {
    const file = join(this.#journals, 'waiting');
    await agent.ask(`wait-at ${file} 1 ${step}`);
    const answers = commands.map((command) => agent.ask(command));
    while (!existsSync(file)) await nextTurn();
    return async () => {
      // Windows removes no file that is open, as it may be for a moment.
      rmSync(file, { recursive: true, maxRetries: 100 });
      await Promise.all(answers);
    };
  }

  /** Ends all agents in good order, and looks for what they have left, after another process has come by. */
  async end(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.exit()));
    for (const language of new Set([this.#serving, this.#calling])) {
      const janitor = await this.#start(language);
      await janitor.ask(this.open());
      await janitor.exit();
    }
    deepStrictEqual(readdirSync(this.#directory), [], 'files left behind');
  }

  /** Ends what is left of a scenario that has failed. */
  async clear(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
    rmSync(this.#journals, { recursive: true, force: true });
  }

  #journalOf(name: string): string {
    return join(this.#journals, name);
  }

  async #start(language: Language): Promise<Agent> {
    const agent = new Agent(language, this.#directory);
    this.#agents.push(agent);
    await agent.ask(`contract ${this.#contract}`);
    return agent;
  }
}

/**
 * Runs a scenario.
 *
 * @throws what it found.
 */
export async function runCallScenario(
  scenario: CallScenario,
  serving: Language,
  calling: Language,
): Promise<void> {
  const stage = new CallStage(serving, calling);
  try {
    await scenario.run(stage);
    await stage.end();
  } finally {
    await stage.clear();
  }
}

/** The outcome that an answer of an agent says. */
export function outcomeOf({ words }: Answer): string {
  return words.join(' ');
}

/** Requires that a command gives this outcome. */
export async function expectOutcome(answer: Promise<Answer>, expected: string): Promise<void> {
  strictEqual(outcomeOf(await answer), expected);
}
