import { type Bus, ChannelError, openBus } from '@mmfbus/channel';
import { type CommandLine, printable, readCommandLine, UnknownOption, UsageError } from '@mmfbus/terminal';
import { type Command, type Context, commonOptions, type Options, type Scope } from './command.js';
import { allCommands, commands } from './commands.js';
import { helpOf, overview } from './help.js';
import { Interrupted, interruption } from './interruption.js';
import { Output } from './output.js';
import { suggestion } from './spelling.js';
import { Unseen } from './unseen.js';
import { version } from './version.js';

/** What the process ends with, besides 0. */
const FAILED = 1;
const MISUSED = 2;

/**
 * Runs the command that the first word names.
 *
 * @returns the exit status: 0, 1 when it failed, 2 when the command line is wrong.
 */
export async function runWords(words: readonly string[]): Promise<number> {
  const out = new Output(process.stdout, process.env);
  const [name = '', ...args] = words;
  let status: number;
  try {
    status = await dispatch(name, args, out);
  } catch (error) {
    status = explain(Object.hasOwn(commands, name) ? `mmfbus ${name}` : 'mmfbus', error, out);
  }
  await out.flush();
  const { gone } = out;
  if (status !== 0 || !gone.aborted || hasReaderGone(out)) return status;
  // What was written last has failed when the command had ended already.
  return complain('mmfbus', gone.reason);
}

async function dispatch(name: string, args: readonly string[], out: Output): Promise<number> {
  if (name === '' || name === '--help' || name === '-h' || (name === 'help' && args.length === 0)) {
    await out.line(await overview());
    return name === '' ? MISUSED : 0;
  }
  if (name === '--version' || name === '-V') {
    await out.line(version());
    return 0;
  }
  if (name === 'help') return dispatch(args[0] as string, ['--help'], out);
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    throw new UsageError(`there is no command ${printable(name)}${suggestion(name, Object.keys(commands))}`);
  }
  const { command } = await load();
  return runCommand(command, args, out);
}

async function runCommand(command: Command, args: readonly string[], out: Output): Promise<number> {
  const { values, positionals, help } = readOptions(command, args);
  if (help) {
    await out.line(helpOf(command));
    return 0;
  }
  checkWords(command, positionals);
  const signal = interruption(command.reloads === true);
  const either = AbortSignal.any([signal, out.gone]);
  const scope = scopeOf(values['scope']);
  let bus: Promise<Bus> | undefined;
  const context: Context = {
    values: values as Context['values'],
    words: positionals,
    out,
    signal: either,
    scope,
    allCommands,
    openBus: () => {
      bus ??= openBus({ scope, signal: either });
      return bus;
    },
  };
  const unseen = command.showsAll === true ? new Unseen() : undefined;
  try {
    return await command.run(context);
  } finally {
    for (const line of unseen?.end() ?? []) process.stderr.write(`mmfbus ${command.name}: ${lines(line)}\n`);
    const opened = await bus?.catch(() => undefined);
    await opened?.close();
  }
}

function readOptions(command: Command, args: readonly string[]): CommandLine<Options & typeof commonOptions> {
  const options = { ...command.options, ...commonOptions };
  try {
    return readCommandLine(args, options, true);
  } catch (error) {
    if (!(error instanceof UnknownOption)) throw error;
    const known = [...Object.keys(options), 'help'].map((name) => `--${name}`);
    throw new UsageError(`${error.message}${suggestion(error.option, known)}`, { cause: error });
  }
}

function checkWords({ usage, name, wordCount }: Command, words: readonly string[]): void {
  const { least, most } = wordCount ?? { least: 0, most: 0 };
  if (words.length < least) throw new UsageError(`something is missing: mmfbus ${name} ${usage ?? ''}`);
  if (words.length > most) throw new UsageError(`unexpected ${JSON.stringify(words[most])}`);
}

function scopeOf(value: unknown): Scope {
  if (value === 'user' || value === 'machine') return value;
  throw new UsageError(`--scope is user or machine, not ${JSON.stringify(value)}`);
}

/** Says on the standard error why a command failed, and what to end with. */
function explain(program: string, error: unknown, out: Output): number {
  const { gone } = out;
  if (gone.aborted) return hasReaderGone(out) ? 0 : complain(program, gone.reason);
  if (error instanceof Interrupted) return FAILED;
  if (!isMisuse(error)) return complain(program, error);
  process.stderr.write(`${program}: ${lines(error.message)}\nSee ${program} --help.\n`);
  return MISUSED;
}

/** Whether the command line is wrong. The name of a channel is a part of it. */
function isMisuse(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof ChannelError && error.code === 'INVALID_NAME');
}

function complain(program: string, error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${program}: ${lines(message)}\n`);
  return FAILED;
}

/** Text of several lines, each fit to be shown. */
function lines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Whether the reader of the output has had enough of it: a pipe or a terminal that was closed. */
function hasReaderGone({ gone, isTerminal }: Output): boolean {
  const code = (gone.reason as NodeJS.ErrnoException | undefined)?.code;
  return code === 'EPIPE' || (isTerminal && code === 'EIO');
}
