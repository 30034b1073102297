import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Language } from './agents.js';

/** Milliseconds after which an agent that still runs is killed. */
const WATCHDOG = 100_000;

/** The answer to a command. */
export interface Answer {
  /** What follows the `ok`. */
  readonly words: readonly string[];
  /** The lines before it. */
  readonly events: readonly string[];
}

interface Command {
  readonly text: string;
  readonly events: string[];
  readonly onEvent: ((event: string) => void) | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** One running agent. The protocol is said in README.md. */
export class Agent {
  /** Its language. */
  readonly language: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #commands: Command[] = [];
  readonly #ended: Promise<void>;
  readonly #watchdog: NodeJS.Timeout;
  #fate: string | undefined;
  #stderr = '';

  /**
   * Starts one.
   *
   * @param directory where its segments are.
   */
  constructor(language: Language, directory: string) {
    const [file = '', ...args] = language.command;
    this.language = language.name;
    this.#child = spawn(file, args, {
      env: { ...process.env, ...language.env, MMFBUS_DIRECTORY: directory },
      stdio: 'pipe',
    });
    this.#ended = this.#follow();
    this.#watchdog = setTimeout(() => {
      this.#fate = `was killed by the watchdog after ${WATCHDOG} ms`;
      this.#child.kill('SIGKILL');
    }, WATCHDOG);
  }

  /** Its process number. */
  get pid(): number {
    return this.#child.pid as number;
  }

  /**
   * Has it obey a command.
   *
   * @param onEvent is called with each event, also of a command that fails.
   * @throws when it answers with an error, or ends instead.
   */
  ask(text: string, onEvent?: (event: string) => void): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      const command: Command = { text, events: [], onEvent, resolve, reject };
      if (this.#fate !== undefined) return reject(this.#failure(command));
      this.#commands.push(command);
      this.#child.stdin.write(`${text}\n`);
    });
    // The other answers of a failed scenario are not waited for.
    answer.catch(() => {});
    return answer;
  }

  /**
   * Has it obey commands until it dies of one.
   *
   * @throws when it outlives all of them.
   */
  async dies(...commands: readonly string[]): Promise<void> {
    for (const text of commands) {
      const lives = await this.ask(text).then(
        () => true,
        () => false,
      );
      if (lives) continue;
      await this.#ended;
      return;
    }
    throw new Error(`${this.language} lives on after: ${commands.at(-1)}`);
  }

  /** Kills it, so that it can put nothing in order, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /**
   * Has it leave everything and end.
   *
   * @throws when it ends with another status than 0.
   */
  async exit(): Promise<void> {
    if (this.#fate !== undefined) return;
    this.#child.stdin.end('exit\n');
    await this.#ended;
    if (this.#child.exitCode !== 0) throw new Error(`${this.language} ${this.#fate}\n${this.#stderr}`);
  }

  #failure(command: Command): Error {
    return new Error(
      `${this.language} ${this.#fate} at: ${command.text}\n${command.events.slice(-5).join('\n')}\n${this.#stderr}`,
    );
  }

  #take(line: string): void {
    const command = this.#commands[0];
    if (command === undefined) return;
    const [first, ...words] = line.split(' ');
    if (first === 'ok') {
      this.#commands.shift();
      command.resolve({ words, events: command.events });
    } else if (first === 'error') {
      this.#commands.shift();
      const events = command.events.slice(-5).join('\n');
      command.reject(new Error(`${this.language} answers ${command.text} with: ${line}\n${events}`));
    } else {
      command.events.push(line);
      command.onEvent?.(line);
    }
  }

  #follow(): Promise<void> {
    const { stdin, stdout, stderr } = this.#child;
    // It may be killed before it has read everything.
    stdin.on('error', () => {});
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => this.#take(line.trimEnd()));
    const linesRead = new Promise((resolve) => lines.once('close', resolve));
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', async (status, signal) => {
        await linesRead;
        clearTimeout(this.#watchdog);
        this.#fate ??= `ended with ${signal ?? `status ${status}`}`;
        for (const command of this.#commands.splice(0)) command.reject(this.#failure(command));
        resolve();
      });
    });
  }
}
