import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach } from 'vitest';
import { joinedProgram } from '../support/workspace.js';
import { headerPeerProgram, peerProgram } from './native.js';

/** Milliseconds after which a process that still runs is killed. */
const WATCHDOG = 100_000;

const running = new Set<Peer>();

/**
 * A process that answers commands, each with one line: a native program, or Node speaking the same commands. What they
 * are is said in `test/native/peer.c`. It never outlives its test.
 */
export class Peer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #what: string;
  readonly #waiting: { readonly command: string; readonly answered: (line: string | undefined) => void }[] =
    [];
  readonly #watchdog: NodeJS.Timeout;
  readonly #ended: Promise<void>;
  #stderr = '';
  #fate: string | undefined;

  private constructor(what: string, file: string, args: readonly string[]) {
    this.#what = what;
    this.#child = spawn(file, args, { stdio: 'pipe' });
    this.#ended = this.#follow();
    this.#watchdog = setTimeout(() => {
      const command = this.#waiting[0]?.command ?? 'nothing';
      this.#fate = `was killed by the watchdog after ${WATCHDOG} ms, busy with: ${command}`;
      this.#child.kill('SIGKILL');
    }, WATCHDOG);
    running.add(this);
  }

  /** Starts the native program. */
  static native(): Peer {
    return new Peer('the native peer', peerProgram(), []);
  }

  /** Starts a native program that uses the mappings of the header for C; it knows neither `peek` nor `poke`. */
  static header(): Peer {
    return new Peer('the peer of the header', headerPeerProgram(), []);
  }

  /** Starts Node with the same commands; the names are those of `ValidNamespaces.CUSTOM`. */
  static node(): Peer {
    return new Peer('the Node peer', process.execPath, [joinedProgram('compat/node-peer')]);
  }

  /** Sends a command; its answer, without the `ok`. An `error` is thrown. */
  async ask(command: string): Promise<string> {
    const answer = await this.reply(command);
    const match = /^ok ?(.*)$/.exec(answer);
    if (match === null) throw new Error(`${this.#what} answered ${command} with: ${answer}`);
    return match[1] ?? '';
  }

  /** Sends a command; the whole line of its answer. */
  async reply(command: string): Promise<string> {
    const line = await new Promise<string | undefined>((answered) => {
      if (this.#fate !== undefined) return answered(undefined);
      this.#waiting.push({ command, answered });
      this.#child.stdin.write(`${command}\n`);
    });
    if (line === undefined) {
      throw new Error(
        `${this.#what} ${this.#fate} without an answer to: ${command}\nstderr: ${this.#stderr}`,
      );
    }
    return line;
  }

  /** Has it end in good order, which closes its mapping. */
  async exit(): Promise<void> {
    this.#child.stdin.end('exit\n');
    await this.#ended;
    if (this.#child.exitCode !== 0) throw new Error(`${this.#what} ${this.#fate}\nstderr: ${this.#stderr}`);
  }

  /** Kills it, so that it can put nothing in order, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #follow(): Promise<void> {
    const { stdin, stdout, stderr } = this.#child;
    // It may end before it has read everything.
    stdin.on('error', () => {});
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => this.#waiting.shift()?.answered(line));
    const linesRead = new Promise((resolve) => lines.once('close', resolve));
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', async (status, signal) => {
        await linesRead;
        clearTimeout(this.#watchdog);
        running.delete(this);
        this.#fate ??= `ended with ${signal ?? `status ${status}`}`;
        for (const { answered } of this.#waiting.splice(0)) answered(undefined);
        resolve();
      });
    });
  }
}

afterEach(async () => {
  await Promise.all([...running].map((peer) => peer.kill()));
});
