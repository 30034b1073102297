import { parseArgs } from 'node:util';
import { ChannelError } from '@mmfbus/channel';
import { DEFAULT_CHANNEL, flightsChannel } from './channel.js';

/** The command line is wrong; the message is for whoever wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What can be asked of every program here. */
export interface CommonOptions {
  /** Name of the channel. */
  readonly channel: string;
  readonly help: boolean;
}

/** What can be asked of those that publish. */
export interface PublishingOptions extends CommonOptions {
  /** Messages a second at most; undefined: as fast as it goes. */
  readonly slow: number | undefined;
  /** How often the whole file is published. */
  readonly repeat: number;
}

/** The lines of `--help` for the options of {@link PublishingOptions}. */
export const PUBLISHING_HELP: string = `  --channel <name>    use another channel than "${DEFAULT_CHANNEL}"
  --slow <rate>       publish at most this many messages a second
  --repeat <times>    publish the whole file that many times, one after the other
  --help              print this`;

const MOST = 1_000_000;

/** Reads the arguments of a program that publishes. */
export function parsePublishing(args: readonly string[]): PublishingOptions {
  const { values, positionals } = parse(args, ['slow', 'repeat']);
  if (positionals.length > 0) throw new UsageError(`unexpected argument ${quote(positionals[0])}`);
  return {
    ...common(values),
    slow: values.slow === undefined ? undefined : wholeNumber('--slow', values.slow),
    repeat: wholeNumber('--repeat', values.repeat ?? '1'),
  };
}

/** Reads the arguments of a subscriber: options, and one of `names`. */
export function parseSubscribing<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): CommonOptions & { readonly subscriber: Name } {
  const { values, positionals } = parse(args, []);
  const options = common(values);
  const [given, ...more] = positionals;
  // Whoever asks for help need not know the names yet.
  const subscriber = options.help ? names[0] : names.find((name) => name === given);
  if (subscriber === undefined) {
    const what = given === undefined ? 'say which subscriber' : `there is no subscriber ${quote(given)}`;
    throw new UsageError(`${what}: one of ${names.join(', ')}`);
  }
  if (more.length > 0) throw new UsageError(`unexpected argument ${quote(more[0])}`);
  return { ...options, subscriber };
}

interface Values {
  readonly help?: boolean | undefined;
  readonly channel?: string | undefined;
  readonly slow?: string | undefined;
  readonly repeat?: string | undefined;
}

function parse(args: readonly string[], numbers: readonly ('slow' | 'repeat')[]) {
  const options = {
    help: { type: 'boolean' as const, short: 'h' },
    channel: { type: 'string' as const },
    ...Object.fromEntries(numbers.map((name) => [name, { type: 'string' as const }])),
  };
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: values as Values, positionals };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

function common({ help = false, channel = DEFAULT_CHANNEL }: Values): CommonOptions {
  try {
    flightsChannel(channel);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    throw new UsageError(`--channel ${error.message}`, { cause: error });
  }
  return { help, channel };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MOST) {
    throw new UsageError(`${option} takes a whole number from 1 to ${MOST}, not ${quote(text)}`);
  }
  return value;
}

function quote(text: string | undefined): string {
  return JSON.stringify(text ?? '');
}
