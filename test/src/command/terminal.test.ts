// The command in a terminal, and what a shell does with it.
import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { commandOf } from '../support/tools.js';
import { IN_SHELL, inTerminal, leave, linesOf, PRICES, publisherProgram } from './command-support.js';

ownDirectory('terminal');

const PUBLISH = `
  for (let n = 0; n < 3; n++) await publisher.publish({ symbol: 'AAPL', px: n });
  process.stdin.on('data', () => publisher.publish({ symbol: 'AAPL', px: 3 }));
`;
const ESCAPE = '\x1b';

describe('in a terminal', () => {
  it('colours what it shows, unless NO_COLOR says no', async () => {
    const script = commandOf('script');
    const program = await publisherProgram('prices', PRICES, PUBLISH);
    const line = `${IN_SHELL} sub prices --from earliest -n 1`;
    expect(await inTerminal(script, line).success()).toContain(
      `${ESCAPE}[36msymbol${ESCAPE}[39m: ${ESCAPE}[32m"AAPL"`,
    );
    expect(await inTerminal(script, `NO_COLOR=1 ${line}`).success()).toBe(
      '     1  {symbol: "AAPL", px: 0}\r\n',
    );
    expect(await linesOf('sub', 'prices', '--from', 'earliest', '-n', '1')).toEqual([
      '     1  {symbol: "AAPL", px: 0}',
    ]);
    await leave(program);
  });

  it('shows a table in place of the one before, until Ctrl-C', async () => {
    const script = commandOf('script');
    const program = await publisherProgram('prices', PRICES, PUBLISH);
    const watch = inTerminal(script, `${IN_SHELL} ls --watch --sample 0; echo "status $?"; stty -a`);
    for (let look = 0; look < 2; look++) await watch.waitForLine(/prices +\{symbol, px\}/);
    watch.send('\x03');
    await watch.waitForLine(/status 0/);
    const output = await watch.success();
    // Two lines up, and everything below away.
    expect(output).toContain(`${ESCAPE}[2A\r${ESCAPE}[J`);
    expect(output).toMatch(/ icanon .* echo /s);
    await leave(program);
  });

  it.each([80, 30])('is repainted in place where a name is long, in %i columns', async (columns) => {
    const tmux = commandOf('tmux');
    const name = `${'long-name.'.repeat(12)}end`;
    const program = await publisherProgram(name, PRICES, PUBLISH);
    const run = (...args: readonly string[]) => {
      const file = ['-L', `mmfbus-test-${process.pid}-watch`, ...args];
      const { stdout } = spawnSync(tmux, file, { encoding: 'utf8' });
      return stdout;
    };
    const line = `MMFBUS_DIRECTORY=${process.env['MMFBUS_DIRECTORY']} ${IN_SHELL} ls --watch --sample 0`;
    run('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', '24', line);
    try {
      // The message that comes last shows that it was painted again.
      await vi.waitUntil(() => run('capture-pane', '-p').includes('CHANNEL'), { timeout: 60_000 });
      program.send('more');
      await vi.waitUntil(() => / 4 +1 /.test(run('capture-pane', '-p', '-J')), { timeout: 60_000 });
      const screen = run('capture-pane', '-p');
      expect(screen.match(/CHANNEL/g)).toHaveLength(1);
      if (columns === 80) expect(screen.trim().split('\n')).toHaveLength(2);
      run('send-keys', 'C-c');
      // The server ends with its only session, and that with the command.
      await vi.waitUntil(() => run('list-sessions') === '', { timeout: 60_000 });
    } finally {
      run('kill-server');
    }
    await leave(program);
  });

  it('fits in 80 columns', async () => {
    const script = commandOf('script');
    const program = await publisherProgram('prices', PRICES, PUBLISH);
    const lines = (await inTerminal(script, `NO_COLOR=1 ${IN_SHELL} info prices`).success()).split('\r\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    const headings = lines.find((line) => line.startsWith('SLOT'));
    expect(headings).toMatch(/^SLOT +ROLE +NAME +PID +ALIVE +LAG +MESSAGES +BYTES +SINCE +PROGRAM$/);
    expect(lines.find((line) => line.includes('ticker'))).toMatch(/ node --.*…$/);
    // A pipe gets everything.
    expect((await linesOf('info', 'prices')).find((line) => line.startsWith('SLOT'))).toContain('WAKE-UPS');
    await leave(program);
  });

  it('shows nothing that the terminal obeys', async () => {
    const script = commandOf('script');
    const schema = 'struct({ text: string() })';
    const program = await publisherProgram(
      'texts',
      schema,
      String.raw`await publisher.publish({ text: '\u001b[2J\u0007\u009b31m' });`,
    );
    for (const option of ['--csv', '--json', '--full']) {
      const output = await inTerminal(
        script,
        `NO_COLOR=1 ${IN_SHELL} sub texts --from earliest -n 1 ${option}`,
      ).success();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
      expect(output).not.toMatch(/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
      expect(output).toContain('\\u001b[2J\\u0007\\u009b31m');
    }
    await leave(program);
  });
});

describe('a shell', () => {
  it('completes commands, options and names of channels', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    const complete = async (line: string) => {
      const code = `
        mmfbus() { ${IN_SHELL} "$@"; }
        source <(mmfbus completion bash)
        COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _mmfbus
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      return (await startNode('-c', { runtime: ['bash'], args: [code] }).success()).trim().split('\n');
    };
    expect(await complete('mmfbus d')).toEqual(['delay', 'doctor']);
    expect(await complete('mmfbus sub pr')).toEqual(['prices']);
    expect(await complete('mmfbus sub prices --fr')).toEqual(['--from']);
    expect(await complete('mmfbus sub prices --from e')).toEqual(['earliest']);
    expect(await complete('mmfbus completion f')).toEqual(['fish']);
    expect(await complete("mmfbus sub ''")).toEqual(['prices']);
    await leave(program);
  });

  it.each(['zsh', 'fish'])('gets a script for %s', async (shell) => {
    expect((await linesOf('completion', shell)).join('\n')).toContain('mmfbus completion words --');
  });
});

describe.skipIf(process.platform !== 'linux')('an output that takes nothing', () => {
  it.each(['ls', 'sub prices --from earliest'])('fails %s', async (words) => {
    const program = await publisherProgram('prices', PRICES, PUBLISH);
    const line = `${IN_SHELL} ${words} > /dev/full`;
    const { status, stderr } = await startNode('-c', { runtime: ['sh'], args: [line] }).exit();
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mmfbus(?: sub)?: ENOSPC: /)]);
    await leave(program);
  });
});

describe('mmfbus cheat', () => {
  it('shows commands and options that there are', async () => {
    const lines = (await linesOf('cheat')).filter((line) => /^ {2}(?!#)/.test(line));
    expect(lines.length).toBeGreaterThan(20);
    const used = new Map<string, Set<string>>();
    for (const line of lines) {
      for (const part of line.split('|').filter((one) => /\bmmfbus \w/.test(one))) {
        const [, name = '', rest = ''] = /\bmmfbus (\w+)(.*)/.exec(part) ?? [];
        const options = rest.match(/(?<= )--?[a-z][\w-]*/g) ?? [];
        used.set(name, new Set([...(used.get(name) ?? []), ...options]));
      }
    }
    for (const [name, options] of used) {
      const help = (await linesOf(name, '--help')).join('\n');
      for (const option of options) expect(help, `${name} ${option}`).toMatch(new RegExp(`${option}[, \\n]`));
    }
  });
});
