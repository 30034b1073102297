import { type CommandLine, type OptionTypes, readCommandLine, UsageError } from './command-line.js';

const USAGE_STATUS = 2;

/** What {@link runCommand} needs to know of a program. */
export interface Command<Options extends OptionTypes> {
  /** Precedes its error messages. */
  readonly name: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Its options besides `--help`. */
  readonly options: Options;
  /** Whether it takes arguments that belong to no option. Defaults to false. */
  readonly allowPositionals?: boolean;
}

/**
 * Runs a program from its arguments to its exit status: what `main` returns, 0 after `--help`, 1 when `main` throws, 2 when
 * the command line is wrong.
 */
export async function runCommand<const Options extends OptionTypes>(
  { name, help, options, allowPositionals = false }: Command<Options>,
  main: (commandLine: CommandLine<Options>) => Promise<number> | number,
): Promise<void> {
  try {
    const commandLine = readCommandLine(process.argv.slice(2), options, allowPositionals);
    if (commandLine.help) console.log(help);
    else process.exitCode = await main(commandLine);
  } catch (error) {
    process.exitCode = explainError(name, error);
  }
}

/**
 * Prints why a program failed.
 *
 * @returns the exit status: 2 when the command line is wrong, otherwise 1.
 */
export function explainError(name: string, error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) {
    console.error(`${name}: ${message}\nSee ${name} --help.`);
    return USAGE_STATUS;
  }
  console.error(`${name}: ${message}`);
  return 1;
}
