import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The command line is wrong; the message says how, for the user who wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An option that the program does not have. */
export class UnknownOption extends UsageError {
  /** As it was given, such as `--were`. */
  readonly option: string;

  constructor(option: string, options?: ErrorOptions) {
    super(`Unknown option '${option}'`, options);
    this.option = option;
  }
}

/** Options by name, as `parseArgs` of `node:util` takes them. */
export type OptionTypes = NonNullable<ParseArgsConfig['options']>;

type Parsed<Options extends OptionTypes> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>;

/** What a command line holds. */
export interface CommandLine<Options extends OptionTypes> {
  readonly values: Parsed<Options>['values'];
  readonly positionals: readonly string[];
  /** Whether `--help` or `-h` was given, which every program has. */
  readonly help: boolean;
}

/**
 * Reads the arguments of a program.
 *
 * @param allowPositionals whether arguments that belong to no option are allowed. Defaults to false.
 * @throws {UsageError} when an option is unknown, or lacks its value, or an argument is not allowed.
 */
export function readCommandLine<const Options extends OptionTypes>(
  args: readonly string[],
  options: Options,
  allowPositionals = false,
): CommandLine<Options> {
  const all: OptionTypes = { ...options, help: { type: 'boolean', short: 'h' } };
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: all, allowPositionals });
    const { help = false, ...others } = values;
    return { values: others as Parsed<Options>['values'], positionals, help: help === true };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const unknown = /^Unknown option '([^']*)'/.exec(error.message)?.[1];
    if (unknown !== undefined) throw new UnknownOption(unknown, { cause: error });
    throw new UsageError(error.message, { cause: error });
  }
}

/**
 * Reads a whole number from the value of an option.
 *
 * @param option its name, as `--rounds`.
 * @throws {UsageError} when it is not from `least` to `most`.
 */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(
    `${option} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
  );
}
