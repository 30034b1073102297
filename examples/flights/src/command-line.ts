import { ChannelError } from '@mmfbus/channel';
import { readCommandLine, UsageError, wholeNumber } from '@mmfbus/terminal';
import { DEFAULT_CHANNEL, flightsChannel } from './channel.js';

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
  const { values, help } = readCommandLine(args, {
    channel: { type: 'string', default: DEFAULT_CHANNEL },
    slow: { type: 'string' },
    repeat: { type: 'string', default: '1' },
  });
  return {
    help,
    channel: channelName(values.channel),
    slow: values.slow === undefined ? undefined : wholeNumber('--slow', values.slow, 1, MOST),
    repeat: wholeNumber('--repeat', values.repeat, 1, MOST),
  };
}

/** Reads the arguments of a subscriber: options, and one of `names`. */
export function parseSubscribing<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): CommonOptions & { readonly subscriber: Name } {
  const options = { channel: { type: 'string', default: DEFAULT_CHANNEL } } as const;
  const { values, positionals, help } = readCommandLine(args, options, true);
  const channel = channelName(values.channel);
  const [given, ...more] = positionals;
  // With --help the name may be missing.
  const subscriber = help ? names[0] : names.find((name) => name === given);
  if (subscriber === undefined) {
    const what = given === undefined ? 'say which subscriber' : `there is no subscriber ${quote(given)}`;
    throw new UsageError(`${what}: one of ${names.join(', ')}`);
  }
  if (more.length > 0) throw new UsageError(`unexpected argument ${quote(more[0])}`);
  return { help, channel, subscriber };
}

function channelName(name: string): string {
  try {
    flightsChannel(name);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    throw new UsageError(`--channel ${error.message}`, { cause: error });
  }
  return name;
}

function quote(text: string | undefined): string {
  return JSON.stringify(text ?? '');
}
