import { join } from 'node:path';
import { compile } from '../compat/native.js';
import { type Ending, type Program, type StartOptions, startCode, startNode } from '../support/spawn.js';
import { packageFolder, workspaceRoot } from '../support/workspace.js';

/** The file of the command, as npm links it. */
export const COMMAND: string = join(packageFolder('mmfbus'), 'bin', 'mmfbus.js');

/** Starts `mmfbus` with these words. Its output is no terminal. */
export function start(words: readonly string[], options: StartOptions = {}): Program {
  return startNode(COMMAND, { ...options, args: words });
}

/** Runs `mmfbus` to its end. */
export function run(...words: string[]): Promise<Ending> {
  return runWith('', ...words);
}

/** The same with a standard input. */
export async function runWith(input: string, ...words: string[]): Promise<Ending> {
  const program = start(words);
  if (input !== '') program.send(input);
  program.endInput();
  return program.exit();
}

/** What `mmfbus` prints where it succeeds, by lines. */
export async function linesOf(...words: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await run(...words);
  if (status !== 0) throw new Error(`mmfbus ${words.join(' ')} ended with ${status}: ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

/** What it prints with `--json`. */
export async function objectsOf(...words: string[]): Promise<Record<string, unknown>[]> {
  return (await linesOf(...words, '--json')).map((line) => JSON.parse(line));
}

/** The shape of prices, as code of a program. */
export const PRICES = 'struct({ symbol: string(), px: f64() })';

/**
 * Starts a program that has joined a channel as a publisher, with `publisher` and the builders of shapes in its scope; it ends with its
 * standard input.
 *
 * @param body what it does then.
 */
export async function publisherProgram(
  name: string,
  schema: string,
  body: string,
  options = '',
  starting: StartOptions = {},
): Promise<Program> {
  const code = `
    import * as mmfbus from '@mmfbus/channel';
    import * as codec from '@mmfbus/codec';
    const { array, bytes, f64, i64, map, nullable, record, string, struct, timestamp, u8, u32, unknown } = codec;
    const channel = mmfbus.defineChannel({ name: ${JSON.stringify(name)}, schema: ${schema} ${options} });
    const publisher = await channel.publisher({ name: 'ticker' });
    process.stdin.on('end', () => publisher.close()).resume();
    ${body}
    console.log('ready');
  `;
  const program = startCode(code, { cwd: join(workspaceRoot, 'test'), ...starting });
  await program.waitForLine(/^ready$/);
  return program;
}

/** Has a program end in good order. */
export async function leave(program: Program): Promise<void> {
  program.endInput();
  await program.success();
}

/** Starts a C program that has made a channel of readings with five messages. It ends with its standard input. */
export async function station(name: string): Promise<Program> {
  const include = [
    join(workspaceRoot, 'packages', 'native', 'include'),
    join(workspaceRoot, 'examples', 'native'),
  ];
  const file = compile(
    'station',
    [join(workspaceRoot, 'test', 'native', 'station.c')],
    include.map((folder) => `-I${folder}`),
  );
  const program = startNode(name, { runtime: [file] });
  await program.waitForLine(/^published$/);
  return program;
}

/**
 * Starts a command line of the shell in a terminal of its own, of 80 columns and 24 rows.
 *
 * @param file the command of util-linux's `script`.
 */
export function inTerminal(file: string, line: string): Program {
  const args = ['-q', '-e', '-f', '-c', `stty cols 80 rows 24; ${line}`, '/dev/null'];
  const colours = { TERM: 'xterm-256color', NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined };
  // Ctrl-C also reaches the shell: dash would end by it, bash looks at how the command ended.
  const env = { ...colours, SHELL: '/bin/bash' };
  return startNode(args[0] as string, { runtime: [file], args: args.slice(1), env });
}

/** The command of a shell that runs `mmfbus`. */
export const IN_SHELL: string = `'${process.execPath}' '${COMMAND}'`;
