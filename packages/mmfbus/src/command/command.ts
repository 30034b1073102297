import type { Bus, BusOptions } from '@mmfbus/channel';
import type { CommandLine, OptionTypes } from '@mmfbus/terminal';
import type { Output } from './output.js';

/** Whose channels there are: of this user, or of all users. */
export type Scope = NonNullable<BusOptions['scope']>;

/** An option of a command, as `parseArgs` of `node:util` takes it, and what `--help` says of it. */
export type Option = OptionTypes[string] & {
  /** What `--help` says of it, in one line. */
  readonly about: string;
  /** What its value is called there, such as `SECONDS`. */
  readonly value?: string;
  /** The words that it takes, for the completion in a shell. Defaults to any. */
  readonly words?: readonly string[];
};

/** Options by name. */
export type Options = Readonly<Record<string, Option>>;

/** Options that every command has. */
export const commonOptions = {
  json: { type: 'boolean', about: 'print one JSON object a line' },
  scope: {
    type: 'string',
    default: 'user',
    value: 'SCOPE',
    words: ['user', 'machine'],
    about: 'channels of this user (user) or of all users (machine)',
  },
} as const;

/** What a command gets to do its work with. */
export interface Context<O extends Options = Options> {
  /** The values of its options, and of {@link commonOptions}. */
  readonly values: CommandLine<O & typeof commonOptions>['values'];
  /** Its arguments that belong to no option. */
  readonly words: readonly string[];
  readonly out: Output;
  /** Aborts on Ctrl-C, and when the reader of the output has gone: the command then ends soon, and leaves nothing. */
  readonly signal: AbortSignal;
  readonly scope: Scope;
  /** Loads all commands there are. */
  allCommands(): Promise<readonly Command[]>;
  /** The bus of the scope. It is closed when the command has ended. */
  openBus(): Promise<Bus>;
}

/** A command. Each file in `commands/` exports one. */
export interface Command<O extends Options = Options> {
  /** The first word after `mmfbus`. */
  readonly name: string;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** What follows its name, such as `NAME [--from earliest]`. Defaults to nothing. */
  readonly usage?: string;
  /** How many words it takes besides its options. Defaults to none. */
  readonly wordCount?: { readonly least: number; readonly most: number };
  /** What its words are, for the completion in a shell. Defaults to none. */
  readonly wordKind?: 'channel' | 'service' | 'method' | 'channel or service' | readonly string[];
  /** What `--help` prints below the usage and above the options: paragraphs, and examples. */
  readonly help: string;
  readonly options: O;
  /** Whether SIGHUP is the command's: it reads its configuration again. Defaults to false: SIGHUP ends it. */
  readonly reloads?: boolean;
  /** Whether it shows all channels there are: it then says which of them it could not look at. Defaults to false. */
  readonly showsAll?: boolean;
  /** @returns the exit status: 0, or 1 where something is not as it should be. */
  run(context: Context<O>): Promise<number> | number;
}

/** Gives a command the types of its options. */
export function defineCommand<const O extends Options>(command: Command<O>): Command {
  return command as unknown as Command;
}
