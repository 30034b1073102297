import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach } from 'vitest';
import { workspaceRoot } from './workspace.js';

/** How a process ended. */
export interface Ending {
  /** Its exit status; null when a signal ended it. */
  readonly status: number | null;
  /** The signal that ended it; null when it ended by itself. */
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to its standard output. */
  readonly stdout: string;
  /** What it wrote to its standard error. */
  readonly stderr: string;
}

/** Options of {@link startProgram} and its like. */
export interface StartOptions {
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** A command, with its arguments, that starts Node: what follows it is Node's command line. Defaults to none. */
  readonly within?: readonly string[];
  /** A command, with its arguments, that runs the program in place of Node. Defaults to Node. */
  readonly runtime?: readonly string[];
  /** Arguments of Node, before the program. */
  readonly nodeArgs?: readonly string[];
  /** Added to our environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Its working folder. Defaults to ours. */
  readonly cwd?: string;
  /** Milliseconds after which it is killed and every wait for it fails. Defaults to 60,000. */
  readonly watchdog?: number;
  /**
   * Starts a process group of its own for it and all that it starts; a signal then goes to all of them, as Ctrl-C in a terminal
   * does. Defaults to false.
   */
  readonly isGroup?: boolean;
  /** Has it live through several tests, until the last one of the file. Defaults to false. */
  readonly outlivesTest?: boolean;
}

const DEFAULT_WATCHDOG = 60_000;
/** Characters of output that an error message shows. */
const SHOWN_OUTPUT = 4_000;

const running = new Set<Program>();
const runningOn = new Set<Program>();

/** A process that a test started, of Node or another runtime. It never outlives the tests of the file. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #isGroup: boolean;
  readonly #what: string;
  readonly #lines: string[] = [];
  readonly #ended: Promise<Ending>;
  readonly #watchdog: NodeJS.Timeout;
  /** Those that end when this one must have ended. */
  readonly #lives: Set<Program>;
  #stdout = '';
  #stderr = '';
  #timedOut: string | undefined;
  #hasEnded = false;
  #wake: () => void = () => {};

  /** For the functions below. */
  constructor(what: string, commandLine: readonly string[], options: StartOptions) {
    const { args = [], within = [], runtime = [process.execPath], nodeArgs = [] } = options;
    const { env, cwd, watchdog = DEFAULT_WATCHDOG, isGroup = false } = options;
    this.#isGroup = isGroup;
    this.#lives = options.outlivesTest === true ? runningOn : running;
    this.#what = [what, ...args].join(' ');
    const [file = process.execPath, ...rest] = [...within, ...runtime, ...nodeArgs, ...commandLine, ...args];
    this.#child = spawn(file, rest, {
      cwd,
      env: { ...process.env, ...env },
      stdio: 'pipe',
      detached: isGroup,
    });
    this.#ended = this.#follow();
    this.#watchdog = setTimeout(() => {
      this.#timedOut = `was killed by the watchdog after ${watchdog} ms`;
      this.kill();
    }, watchdog);
    this.#lives.add(this);
  }

  /** Its process number. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#what} was not started`);
    return pid;
  }

  /** What it wrote to its standard output so far. */
  get output(): string {
    return this.#stdout;
  }

  /** Writes a line to its standard input. */
  send(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /**
   * Waits for a line of its standard output. Lines up to it are used up: the next call looks behind it.
   *
   * @returns the match.
   * @throws when it ends, or the watchdog fires, before such a line.
   */
  async waitForLine(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      if (this.#hasEnded) throw this.#failure(`without a line that matches ${pattern}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * Waits for its end, however it comes.
   *
   * @throws when the watchdog had to end it.
   */
  async exit(): Promise<Ending> {
    const ending = await this.#ended;
    if (this.#timedOut !== undefined) throw this.#failure('before it ended');
    return ending;
  }

  /**
   * Waits for its end and for exit status 0.
   *
   * @returns its standard output.
   * @throws with its output otherwise.
   */
  async success(): Promise<string> {
    const { status, stdout } = await this.exit();
    if (status !== 0) throw this.#failure('where status 0 was expected');
    return stdout;
  }

  /** Sends a signal and does not wait. Also for SIGSTOP and SIGCONT. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (!this.#isGroup) {
      this.#child.kill(signal);
    } else if (!this.#hasEnded) {
      try {
        process.kill(-this.pid, signal);
      } catch (error) {
        // All of them may have ended just now.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  /** Ends it if it still runs, and waits for that. */
  async stop(): Promise<void> {
    this.kill();
    await this.#ended;
  }

  #follow(): Promise<Ending> {
    const { stdin, stdout, stderr } = this.#child;
    // It may end before it has read everything.
    stdin.on('error', () => {});
    stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    const linesRead = new Promise((resolve) => lines.once('close', resolve));
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', async (status, signal) => {
        await linesRead;
        clearTimeout(this.#watchdog);
        this.#lives.delete(this);
        this.#hasEnded = true;
        this.#wake();
        resolve({ status, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  #failure(circumstance: string): Error {
    const { exitCode, signalCode } = this.#child;
    const how = this.#timedOut ?? `ended with ${signalCode ?? `status ${exitCode}`}`;
    const shown = [this.#stdout, this.#stderr].map(
      (text) => text.slice(-SHOWN_OUTPUT).trimEnd() || '(nothing)',
    );
    return new Error(`${this.#what} ${how} ${circumstance}\nstdout: ${shown[0]}\nstderr: ${shown[1]}`);
  }
}

/**
 * Starts `test/src/programs/<name>.ts`, compiled, as a process of its own.
 *
 * @param name for example `publisher`.
 */
export function startProgram(name: string, options: StartOptions = {}): Program {
  return startNode(join(workspaceRoot, 'test', 'dist', 'programs', `${name}.js`), options);
}

/** Starts any JavaScript file as a process of its own. */
export function startNode(script: string, options: StartOptions = {}): Program {
  return new Program(script, [script], options);
}

/** Starts the text of an ES module as a process of its own. */
export function startCode(code: string, options: StartOptions = {}): Program {
  return new Program('a module', ['--input-type=module', '--eval', code, '--'], options);
}

async function stopAll(programs: ReadonlySet<Program>): Promise<void> {
  await Promise.all([...programs].map((program) => program.stop()));
}

afterEach(() => stopAll(running));
afterAll(() => stopAll(runningOn));
