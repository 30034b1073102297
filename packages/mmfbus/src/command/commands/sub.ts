import type { ChannelInfo, Observed, ObservedMessage } from '@mmfbus/channel';
import { printable, UsageError, wholeNumber } from '@mmfbus/terminal';
import { noSuchChannel } from '../channels.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { Failure } from '../failure.js';
import { jsonLine } from '../json.js';
import {
  csvFormat,
  type Format,
  type FormatOptions,
  jsonFormat,
  plainFormat,
  rawFormat,
} from '../sub/format.js';
import { fromOf, observed, type SourceOptions, seated } from '../sub/source.js';
import { bytes, count } from '../units.js';
import { shapeIn } from '../values.js';
import { type Condition, parseCondition, parsePath } from '../where/condition.js';
import { unknownField } from '../where/known-fields.js';
import type { Path } from '../where/path.js';

const options = {
  where: { type: 'string', short: 'w', value: 'CONDITION', about: 'only messages that meet it' },
  field: {
    type: 'string',
    short: 'f',
    multiple: true,
    value: 'PATH',
    about: 'only this field; may be repeated',
  },
  count: { type: 'string', short: 'n', value: 'COUNT', about: 'end after that many messages' },
  from: {
    type: 'string',
    default: 'latest',
    value: 'PLACE',
    words: ['earliest', 'latest'],
    about: 'begin with the oldest message there is, with the next one, or with that number',
  },
  time: { type: 'boolean', short: 't', about: 'show when each message was published' },
  full: { type: 'boolean', about: 'show long values in full' },
  csv: { type: 'boolean', about: 'print CSV: the number and the fields' },
  raw: { type: 'boolean', about: 'print the bytes as hexadecimal digits' },
  reliable: {
    type: 'boolean',
    about: 'join as a reliable subscriber: nothing is lost, publishers wait for it',
  },
  follow: { type: 'boolean', about: 'wait for the channel, and go on when there is a new one of its name' },
} as const;

export const command: Command = defineCommand({
  name: 'sub',
  summary: 'show the messages of a channel as they come',
  usage: 'NAME [--where CONDITION] [-n COUNT]',
  wordCount: { least: 1, most: 1 },
  wordKind: 'channel',
  help: `Looks on without joining the channel: no publisher waits for it. Messages that are overwritten before it looks are
shown as a gap.

A CONDITION compares fields with values, as in
  px > 180 and symbol in ['AAPL', 'MSFT']
  not (legs[0].from == 'LHR' or note =~ '^late') and $sequence > 1000
It has == != < <= > >= in contains =~ (a regular expression) and or not ( ), the constants true false null,
and $ for the whole value, $sequence, $timestamp and $publisher.

  mmfbus sub prices --where 'px > 180' -n 5
  mmfbus sub prices --field symbol --field px --from earliest
  mmfbus sub prices --json | jq .value.px`,
  options,
  run,
});

type SubContext = Context<typeof options>;

async function run(context: SubContext): Promise<number> {
  const { values, words, signal, openBus, out } = context;
  const [name = ''] = words;
  const most =
    values.count === undefined ? undefined : wholeNumber('--count', values.count, 1, Number.MAX_SAFE_INTEGER);
  const condition = values.where === undefined ? undefined : parseCondition(values.where);
  const source = sourceOptions(context);
  const fields = (values.field ?? []).map(parsePath);
  const bus = await openBus();
  const info = await bus.inspect(name, { signal });
  if (info === undefined && !source.follow) throw await noSuchChannel(bus, name, signal);
  checkFields(info, condition, fields);
  const format = formatOf(context, fields, info);
  const isSeated = values.reliable === true && info !== undefined;
  const batches = isSeated
    ? seated(bus, name, info, source, signal)
    : observed(bus, name, info, source, signal);
  const printer = new Printer(context, format, condition, most);
  await printer.head();
  for await (const batch of batches) {
    await printer.print(batch);
    if (printer.isDone) break;
  }
  if (most === undefined || printer.isDone) return 0;
  // Says Ctrl-C, or the pipe that was closed, to the caller.
  signal.throwIfAborted();
  await out.flush();
  throw new Failure(`${name} ended after ${count(printer.shown)} of ${count(most)} messages`);
}

function sourceOptions({ values }: SubContext): SourceOptions {
  const isRaw = values.raw === true;
  const formats = [values.json, values.csv, values.raw].filter((chosen) => chosen === true);
  if (formats.length > 1) throw new UsageError('--json, --csv and --raw exclude one another');
  if (isRaw && (values.where !== undefined || values.field !== undefined)) {
    throw new UsageError('--raw shows bytes, which have no fields: leave out --where and --field');
  }
  if (values.reliable === true && values.follow === true) {
    throw new UsageError('--reliable joins a channel that exists: leave out --follow');
  }
  return { from: fromOf(values.from), isRaw, follow: values.follow === true };
}

function checkFields(
  info: ChannelInfo | undefined,
  condition: Condition | undefined,
  fields: readonly Path[],
): void {
  for (const path of [...(condition?.paths.map((one) => one.path) ?? []), ...fields]) {
    const problem = unknownField(info?.schema, path);
    if (problem !== undefined) throw new UsageError(`${info?.name}: ${problem}`);
  }
}

function formatOf(
  { values, out }: SubContext,
  fields: readonly Path[],
  info: ChannelInfo | undefined,
): Format {
  const isCsv = values.csv === true;
  const options: FormatOptions = {
    out,
    fields: isCsv && fields.length === 0 ? fieldsOf(info) : fields,
    time: values.time === true,
    full: values.full === true,
  };
  if (isCsv) return csvFormat(options);
  if (values.raw === true) return rawFormat();
  return values.json === true ? jsonFormat(options) : plainFormat(options);
}

function fieldsOf(info: ChannelInfo | undefined): readonly Path[] {
  const shape = info?.schema === undefined ? undefined : shapeIn(info.schema);
  return shape?.kind === 'struct' ? shape.fields.map(({ name }) => [name]) : [];
}

/** Prints what is wanted of what comes, up to a number of messages. */
class Printer {
  shown = 0;
  readonly #context: SubContext;
  readonly #format: Format;
  readonly #condition: Condition | undefined;
  readonly #most: number | undefined;

  constructor(
    context: SubContext,
    format: Format,
    condition: Condition | undefined,
    most: number | undefined,
  ) {
    this.#context = context;
    this.#format = format;
    this.#condition = condition;
    this.#most = most;
  }

  get isDone(): boolean {
    return this.shown === this.#most;
  }

  async head(): Promise<void> {
    if (this.#format.head !== undefined) await this.#context.out.line(this.#format.head);
  }

  /** With one call of the operating system for many messages. */
  async print(batch: readonly Observed<unknown>[]): Promise<void> {
    let text = '';
    for (const one of batch) {
      if (this.isDone) break;
      if (one.kind !== 'message') text += this.#notice(one);
      else if (this.#condition?.holds(one) !== false) text += this.#message(one);
    }
    if (text !== '') await this.#context.out.write(text);
  }

  #message(message: ObservedMessage<unknown>): string {
    this.shown++;
    return `${this.#format.line(message)}\n`;
  }

  /** What is no message stands between them for readers and in JSON; elsewhere on the standard error. */
  #notice(seen: Exclude<Observed<unknown>, ObservedMessage<unknown>>): string {
    const { values, out } = this.#context;
    if (values.json === true) return `${jsonLine(noticeObject(seen))}\n`;
    const text = `-- ${noticeText(seen)}`;
    if (values.csv === true || values.raw === true || values.field !== undefined) {
      process.stderr.write(`${text}\n`);
      return '';
    }
    return `${out.style('yellow', text)}\n`;
  }
}

type Notice = Exclude<Observed<unknown>, ObservedMessage<unknown>>;

function noticeText(seen: Notice): string {
  switch (seen.kind) {
    case 'gap':
      return `gap: ${count(seen.count)} messages, ${seen.from} to ${seen.to}, were overwritten before they were read`;
    case 'omitted':
      return `message ${seen.sequence} is not shown: it has ${bytes(seen.length)}`;
    case 'undecodable':
    case 'corrupted':
      return printable(seen.error.message);
    case 'ended':
      return 'the channel has ended';
    case 'reborn':
      return 'there is a new channel of this name';
  }
}

function noticeObject(seen: Notice): unknown {
  switch (seen.kind) {
    case 'gap':
      return { gap: { from: seen.from, to: seen.to, count: seen.count } };
    case 'omitted':
      return { omitted: { sequence: seen.sequence, length: seen.length } };
    case 'undecodable':
      return { error: { sequence: seen.sequence, message: seen.error.message } };
    case 'corrupted':
      return { error: { message: seen.error.message } };
    case 'ended':
      return { ended: true };
    case 'reborn':
      return { reborn: { incarnation: seen.incarnation } };
  }
}
