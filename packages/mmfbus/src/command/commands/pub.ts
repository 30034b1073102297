import { type Bus, ChannelError, type ChannelInfo, type Publisher } from '@mmfbus/channel';
import { codecOfText, msgpack, type ShapeNode } from '@mmfbus/codec';
import { UsageError, wholeNumber } from '@mmfbus/terminal';
import { noSuchChannel } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { Failure } from '../failure.js';
import { inputLines } from '../lines.js';
import { pause } from '../pause.js';
import { fromJson } from '../pub/from-json.js';
import { parseJson } from '../pub/parse-json.js';
import { templateOf } from '../pub/template.js';
import { count } from '../units.js';
import { shapeIn } from '../values.js';

const MAX_RATE = 1e7;
const MOST_SUBSCRIBERS = 1023;

const options = {
  count: { type: 'string', short: 'n', value: 'COUNT', about: 'publish that many messages; 1 unless given' },
  rate: {
    type: 'string',
    short: 'r',
    value: 'RATE',
    about: 'messages a second; as fast as they go unless given',
  },
  wait: { type: 'string', short: 'w', value: 'COUNT', about: 'wait for that many subscribers before' },
  create: { type: 'boolean', about: 'make the channel where there is none, for values without a schema' },
} as const;

export const command: Command = defineCommand({
  name: 'pub',
  summary: 'publish to a channel',
  usage: 'NAME [JSON | -]',
  wordCount: { least: 1, most: 2 },
  wordKind: 'channel',
  help: `Values are JSON: bytes as base64, timestamps as "2026-01-31T12:00:00Z", whole numbers beyond 2^53 as texts. They are checked
against the schema of the channel. With - or without a value it reads the standard input, one value a line.

In a value of the command line, {{seq}} is the number of the message, from 1 on, {{now}} milliseconds since 1970, {{time}} the
time as text, {{random}} a number from 0 to 1 and {{random 1 6}} a whole number.

A channel lasts as long as its participants: one that --create has made ends with this command, unless another has joined.

  mmfbus pub prices '{"symbol": "AAPL", "px": 187.25}'
  mmfbus pub dice '{"throw": {{seq}}, "eyes": {{random 1 6}}}' --count 100 --rate 10
  mmfbus sub prices --json | jq -c .value | mmfbus pub copies - --create`,
  options,
  run,
});

type PubContext = Context<typeof options>;

/** Where the messages come from. */
interface Source {
  /** The next value as text; undefined when there is none. */
  next(): Promise<string | undefined>;
  /** Where a mistake is, for errors: `line 3: `. */
  place(): string;
}

async function run(context: PubContext): Promise<number> {
  const { values, words, signal, openBus, out } = context;
  const [name = ''] = words;
  const rate = values.rate === undefined ? undefined : rateOf(values.rate);
  const source = sourceOf(context);
  const bus = await openBus();
  const info = await bus.inspect(name, { signal });
  if (info === undefined && values.create !== true) {
    const { message } = await noSuchChannel(bus, name, signal);
    throw new Failure(`${message}${message.endsWith('?') ? ' ' : '; '}--create makes one`);
  }
  const publisher = await join(bus, name, info, signal);
  const first = { sequence: 0, published: 0 };
  try {
    await waitForSubscribers(publisher, values.wait, signal);
    await publishAll(publisher, valueReader(info), source, rate, signal, first);
  } finally {
    await publisher.close();
    const last = first.published === 0 ? null : publisher.sequence;
    const from = first.published === 0 ? null : first.sequence;
    if (values.json === true)
      await out.json({ channel: name, published: first.published, first: from, last });
    else if (first.published > 0)
      await out.line(summaryOf(name, first.published, first.sequence, publisher.sequence));
  }
  return 0;
}

function summaryOf(name: string, published: number, first: number, last: number): string {
  if (published === 1) return `published message ${last} of ${name}`;
  return `published ${count(published)} messages of ${name}, from ${first} to ${last}`;
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && rate > 0 && rate <= MAX_RATE) return rate;
  throw new UsageError(`--rate takes messages a second, more than 0, not ${JSON.stringify(text)}`);
}

/** The value of the command line as often as it is wanted, or lines of the standard input. */
function sourceOf({ values, words, signal }: PubContext): Source {
  const [, text] = words;
  const most =
    values.count === undefined ? undefined : wholeNumber('--count', values.count, 1, Number.MAX_SAFE_INTEGER);
  if (text !== undefined && text !== '-') {
    const template = templateOf(text);
    let made = 0;
    return {
      next: async () => (made < (most ?? 1) ? template(++made) : undefined),
      place: () => ((most ?? 1) > 1 ? `message ${made}: ` : ''),
    };
  }
  if (text === undefined && process.stdin.isTTY === true) {
    throw new UsageError('a value is missing; - reads the values from the standard input, one a line');
  }
  if (most !== undefined) throw new UsageError('--count repeats a value of the command line');
  return linesOf(signal);
}

function linesOf(signal: AbortSignal): Source {
  const lines = inputLines(signal);
  let last = 0;
  return {
    next: async () => {
      const { value, done } = await lines.next();
      if (done === true) return undefined;
      last = value.line;
      return value.text;
    },
    place: () => `line ${last}: `,
  };
}

async function join(
  bus: Bus,
  name: string,
  info: ChannelInfo | undefined,
  signal: AbortSignal,
): Promise<Publisher<unknown>> {
  const codec = info === undefined ? msgpack() : codecOfText(info.codec, info.schema);
  const channel = bus.define<unknown>({ name, codec });
  return channel.publisher({
    name: 'mmfbus pub',
    open: info === undefined ? 'open-or-create' : 'open',
    signal,
  });
}

async function waitForSubscribers(
  publisher: Publisher<unknown>,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (wanted === undefined) return;
  await publisher.waitForSubscribers(wholeNumber('--wait', wanted, 1, MOST_SUBSCRIBERS), { signal });
}

/** Turns the text of a value into what the codec takes. */
function valueReader(info: ChannelInfo | undefined): (text: string) => unknown {
  const shape: ShapeNode | undefined = info?.schema === undefined ? undefined : shapeIn(info.schema);
  if (info?.codec === 'raw') return (text) => new TextEncoder().encode(text);
  return (text) => {
    const json = parseJson(text);
    return shape === undefined ? json : fromJson(shape, json);
  };
}

async function publishAll(
  publisher: Publisher<unknown>,
  read: (text: string) => unknown,
  source: Source,
  rate: number | undefined,
  signal: AbortSignal,
  done: { sequence: number; published: number },
): Promise<void> {
  const start = performance.now();
  for (let text = await source.next(); text !== undefined; text = await source.next()) {
    signal.throwIfAborted();
    if (rate !== undefined) await pace(start, done.published, rate, signal);
    try {
      const sequence = await publisher.publish(read(text), { signal });
      if (done.published++ === 0) done.sequence = sequence;
    } catch (error) {
      if (signal.aborted || !(error instanceof Failure || error instanceof ChannelError)) throw error;
      throw new Failure(`${source.place()}${error.message}`, { cause: error });
    }
  }
  signal.throwIfAborted();
}

/** Waits until the next message is due. */
async function pace(start: number, published: number, rate: number, signal: AbortSignal): Promise<void> {
  const due = start + (published / rate) * 1000;
  const left = due - performance.now();
  if (left > 0 && !(await pause(left, signal))) signal.throwIfAborted();
}
