import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { struct, u32 } from '@mmfbus/codec';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { COMMAND } from './command-support.js';

ownDirectory('top');

const folder = temporaryFolder('top');
const closing: (() => Promise<unknown>)[] = [];
let count = 0;

/** A channel whose publishers wait for `slow`, and one where nothing waits. */
beforeEach(async () => {
  const held = defineChannel({ name: 'held', schema: struct({ n: u32() }), capacity: 4096 });
  const free = defineChannel({ name: 'free', schema: struct({ n: u32() }), capacity: 65536 });
  const slow = await held.subscriber({ name: 'slow' });
  const quick = await free.subscriber({ name: 'quick\u001b[2J', delivery: 'lossy' });
  const first = await held.publisher({ name: 'source' });
  const second = await free.publisher({ name: 'other' });
  closing.push(...[slow, quick, first, second].map((one) => () => one.close()));
  while (first.tryPublish({ n: 1 }) === 'published');
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A terminal of its own in which `mmfbus top` runs, beside what was there before. */
class Terminal {
  readonly #socket = `mmfbus-test-${process.pid}-${++count}`;
  readonly #files = join(folder, String(count));
  #isClosed = false;

  /**
   * @param shell that is asked for it, and has its jobs; by default one that runs it only.
   * @param before what the shell does that becomes the program.
   */
  static start(args: string, environment = '', shell?: string, before = ''): Terminal {
    const terminal = new Terminal();
    const files = terminal.#files;
    const { MMFBUS_DIRECTORY = '' } = process.env;
    const variables = `MMFBUS_DIRECTORY=${MMFBUS_DIRECTORY} ${environment}`;
    const run = `sh -c '${before}echo $$ > ${files}.pid; exec env ${variables} ${process.execPath} ${COMMAND} top ${args}'`;
    // What has started it is there when it has ended, and says how the terminal is set.
    const script = `echo before; stty -g > ${files}.before; ${run}; echo "status $?"; stty -g > ${files}.after; echo after; cat`;
    terminal.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', shell ?? script);
    closing.unshift(async () => {
      terminal.close();
      // Then the program ends as well, which takes a moment.
      await vi.waitUntil(() => !existsSync(`/proc/${terminal.pid}`), { timeout: 60_000 });
    });
    if (shell !== undefined) terminal.press(`${run}; echo "status $?"`, 'Enter');
    return terminal;
  }

  /** Takes it away from the program, once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#tmux('kill-server');
  }

  get pid(): number {
    return Number(readFileSync(`${this.#files}.pid`, 'utf8'));
  }

  /** Whether the program has set the terminal back to what it was. */
  get isAsBefore(): boolean {
    const [before, after] = ['before', 'after'].map((name) => readFileSync(`${this.#files}.${name}`, 'utf8'));
    return before === after;
  }

  /** Whether the screen is one of its own, and whether the cursor is seen. */
  get state(): string {
    return this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}').trim();
  }

  screen(...options: string[]): string {
    return this.#tmux('capture-pane', '-p', ...options);
  }

  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Waits for a screen that has that text; the test's watchdog ends it otherwise. */
  async until(pattern: RegExp): Promise<string> {
    const isThere = () => pattern.test(this.screen());
    await vi.waitUntil(isThere, { timeout: 60_000, interval: 50 }).catch((cause: unknown) => {
      throw new Error(`there is no ${pattern} on the screen:\n${this.screen()}`, { cause });
    });
    return this.screen();
  }

  #tmux(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(commandOf('tmux'), ['-L', this.#socket, ...args], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }
}

const nameOfRow = (line: string) => /^ *[<>~x]? *(\S+)/.exec(line)?.[1];

/** What the rows below the headings begin with. */
function rowsOf(screen: string): (string | undefined)[] {
  const lines = screen.split('\n');
  const first = lines.findIndex((line) => line.startsWith('CHANNEL')) + 1;
  return lines.slice(first, lines.indexOf('', first)).map(nameOfRow);
}

describe('on a terminal', () => {
  test('shows who holds publishers back, in 24 rows of 80 columns, and without obeying a name', async () => {
    const terminal = Terminal.start('--interval 100 --sort lag');
    const screen = await terminal.until(/Holds publishers back: slow \(pid \d+\) on held/);
    expect(rowsOf(screen)).toEqual(['held', 'source', 'slow', 'free', 'other', 'quick\\u{1b}[2J']);
    expect(screen).toMatch(/< slow \(\d+, holds back\) .* 0\/s {2}#{8} 100%/);
    const lines = screen.split('\n');
    expect(lines.slice(0, 24).at(-1)).toMatch(/^\[r\]ate .*\[q\]uit$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(terminal.state).toBe('1 0');
    expect(terminal.screen('-e')).toContain('\u001b[31m');
  });

  test('sorts, filters, folds and follows a new size', async () => {
    const terminal = Terminal.start('--interval 100');
    await terminal.until(/held/);
    terminal.press('n');
    expect(rowsOf(await terminal.until(/sorted by name {3}/))[0]).toBe('free');
    terminal.press('n');
    expect(rowsOf(await terminal.until(/sorted by name, reversed/))[0]).toBe('held');
    terminal.press('p');
    await vi.waitUntil(() => rowsOf(terminal.screen()).length === 2, { timeout: 60_000 });
    terminal.press('/');
    await terminal.until(/Enter: done/);
    terminal.press('-l', 'qui');
    await terminal.until(/filter: \/qui_/);
    expect(rowsOf(terminal.screen())).toEqual(['free']);
    terminal.press('Enter');
    await terminal.until(/\[q\]uit/);
    terminal.press('p', 'Escape');
    await terminal.until(/filter: none/);

    terminal.resize(60, 8);
    const screen = await terminal.until(/1-3 of 6/);
    const lines = screen.split('\n').slice(0, 8);
    expect(lines.every((line) => line.length <= 60)).toBe(true);
    terminal.press('End');
    await terminal.until(/4-6 of 6/);
    terminal.resize(120, 30);
    await vi.waitUntil(() => rowsOf(terminal.screen()).length === 6, { timeout: 60_000 });
  });

  test.each([
    ['the key q', (terminal: Terminal) => terminal.press('q'), 0],
    ['Ctrl-C', (terminal: Terminal) => terminal.press('C-c'), 0],
    ['SIGTERM', (terminal: Terminal) => process.kill(terminal.pid, 'SIGTERM'), 0],
    ['SIGHUP', (terminal: Terminal) => process.kill(terminal.pid, 'SIGHUP'), 0],
  ])('gives the terminal back after %s', async (_what, end, status) => {
    const terminal = Terminal.start('');
    await terminal.until(/held/);
    end(terminal);
    const screen = await terminal.until(/after/);
    expect(screen.trim().split('\n')).toEqual(['before', `status ${status}`, 'after']);
    expect(terminal.state).toBe('0 1');
    expect(terminal.isAsBefore).toBe(true);
  });

  test('gives it back after an error that nothing catches, and shows the error', async () => {
    const thrower = join(folder, 'thrower.mjs');
    writeFileSync(thrower, "process.on('SIGUSR2', () => { throw new Error('from elsewhere'); });");
    const terminal = Terminal.start('', `NODE_OPTIONS=--import=${thrower}`);
    await terminal.until(/held/);
    process.kill(terminal.pid, 'SIGUSR2');
    const screen = await terminal.until(/^after/m);
    expect(screen).toMatch(/^before\n.*^Error: from elsewhere\n.*^status 1\nafter/ms);
    expect(terminal.state).toBe('0 1');
    expect(terminal.isAsBefore).toBe(true);
  });

  test.each(['', 'trap "" HUP; '])('ends with its terminal, and leaves nothing (%s)', async (before) => {
    const errors = join(folder, `errors-${count}`);
    const terminal = Terminal.start(`--interval 100 2> ${errors}`, '', undefined, before);
    await terminal.until(/held/);
    const { pid } = terminal;
    terminal.close();
    await vi.waitUntil(() => !existsSync(`/proc/${pid}`), { timeout: 60_000 });
    // Where Node aborts, it says so there.
    expect(readFileSync(errors, 'utf8')).toBe('');
  });

  test('gives it back while it is stopped, and takes it again', async () => {
    const terminal = Terminal.start('--interval 100', '', 'bash --norc --noprofile -i');
    await terminal.until(/held/);
    terminal.press('C-z');
    await terminal.until(/Stopped/);
    expect(terminal.state).toBe('0 1');
    terminal.press('fg', 'Enter');
    await terminal.until(/held/);
    expect(terminal.state).toBe('1 0');
    terminal.press('q');
    await vi.waitUntil(() => terminal.state === '0 1', { timeout: 60_000 });
    terminal.press('echo "then $?"', 'Enter');
    await terminal.until(/then 0/);
  });

  test('has no colours with NO_COLOR', async () => {
    const terminal = Terminal.start('', 'NO_COLOR=1');
    await terminal.until(/Holds publishers back/);
    expect(terminal.screen('-e')).not.toContain('\u001b');
  });
});

describe('elsewhere', () => {
  test('is printed once', async () => {
    const program = startNode(COMMAND, { args: ['top', '--sort', 'name'] });
    const text = await program.success();
    expect(rowsOf(`${text}\n`)).toEqual(['free', 'other', 'quick\\u{1b}[2J', 'held', 'source', 'slow']);
    expect(text).not.toContain('\u001b');
  });

  test('with --json a line for each channel', async () => {
    const lines = (await startNode(COMMAND, { args: ['top', '--json', 'slow'] }).success())
      .trim()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        name: 'held',
        rate: 0,
        participants: [
          expect.objectContaining({ name: 'slow', role: 'reliable', holds: true, pid: process.pid }),
          expect.objectContaining({ name: 'source', role: 'publisher', holds: false }),
        ],
      }),
    ]);
  });

  test('a wrong order is misuse', async () => {
    const { status, stderr } = await startNode(COMMAND, { args: ['top', '--sort', 'size'] }).exit();
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining('--sort is one of rate, bytes, lag, wakeups, name'),
    ]);
  });
});
