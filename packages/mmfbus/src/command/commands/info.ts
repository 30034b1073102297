import type { Bus, ChannelInfo, ParticipantInfo } from '@mmfbus/channel';
import { printable, table, valueLine } from '@mmfbus/terminal';
import { channelOf } from '../channels.js';
import { publishedAt, timeOfDay } from '../clock.js';
import { codeOf } from '../code.js';
import { type Command, type Context, defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { programOf } from '../programs.js';
import { type Column, drawTable } from '../tables.js';
import { age, bytes, count } from '../units.js';

const options = {} as const;

export const command: Command = defineCommand({
  name: 'info',
  summary: 'show a channel with its schema, participants and last message',
  usage: 'NAME',
  wordCount: { least: 1, most: 1 },
  wordKind: 'channel',
  help: `LAG is what a subscriber has not read. FULL counts the calls that found no room in the ring, BUSY those that
another publisher held up, MISSED the messages that a subscriber lost. A terminal does not show those that are 0 for all.

  mmfbus info prices`,
  options,
  run,
});

interface ParticipantColumn extends Column {
  /** Where it is 0 for all. */
  readonly mayBeLeftOut?: true;
}

const columns: readonly ParticipantColumn[] = [
  { heading: 'SLOT' },
  { heading: 'ROLE', isLeft: true },
  { heading: 'NAME', isLeft: true },
  { heading: 'PID' },
  { heading: 'ALIVE', isLeft: true },
  { heading: 'LAG' },
  { heading: 'MESSAGES' },
  { heading: 'BYTES' },
  { heading: 'FULL', mayBeLeftOut: true },
  { heading: 'BUSY', mayBeLeftOut: true },
  { heading: 'MISSED', mayBeLeftOut: true },
  { heading: 'WAKE-UPS', mayBeLeftOut: true },
  { heading: 'SINCE' },
  { heading: 'PROGRAM', isLeft: true },
];

async function run({ values, words, out, signal, openBus }: Context<typeof options>): Promise<number> {
  const bus = await openBus();
  const info = await channelOf(bus, words[0] ?? '', signal);
  const last = lastMessage(bus, info);
  if (values.json === true) {
    const participants = info.participants.map((one) => ({ ...one, program: programNameOf(one) ?? null }));
    await out.json({ ...info, schema: info.schema ?? null, participants, last: last ?? null });
    return 0;
  }
  const parts = [facts(out, info), schemaPart(info), participantsPart(out, info), lastPart(out, last)];
  await out.line(parts.join('\n\n'));
  return 0;
}

interface Last {
  readonly sequence: number;
  readonly time: Date | undefined;
  /** How many publishers' slots it came from is not known; this is its slot. */
  readonly publisher: number;
  readonly value?: unknown;
  /** Why there is no value. */
  readonly problem?: string;
}

/** The last message that was published, where it can be read. */
function lastMessage(bus: Bus, info: ChannelInfo): Last | undefined {
  if (info.published === 0) return undefined;
  const after = { incarnation: info.incarnation, sequence: info.published - 1 };
  try {
    const observer = bus.observe(info.name, { start: { after, otherwise: 'latest' } });
    try {
      const [seen] = observer.poll(1);
      if (seen?.kind !== 'message' && seen?.kind !== 'undecodable') return undefined;
      const { sequence, timestamp, publisher } = seen;
      const head = { sequence, publisher, time: publishedAt(timestamp) };
      return seen.kind === 'message'
        ? { ...head, value: seen.value }
        : { ...head, problem: seen.error.message };
    } finally {
      observer.close();
    }
  } catch (error) {
    return { sequence: info.published, time: undefined, publisher: 0, problem: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function facts(out: Output, info: ChannelInfo): string {
  const rows = [
    ['published', `${count(info.published)} messages since ${age(Date.now() - info.createdAt)}`],
    ['ring', `${bytes(info.capacity)}, ${bytes(info.size)} of memory in all`],
    ['largest message', bytes(info.maxMessage)],
    ['history', info.history === 0 ? 'none' : `${count(info.history)} messages`],
    ['codec', printable(info.codec)],
    ['incarnation', info.incarnation],
    ['participants', `${count(info.participants.length)} of at most ${count(info.maxParticipants)}`],
  ];
  return `${out.style('bold', info.name)}\n${table(
    rows.map(([what = '', value = '']) => [`  ${what}`, value]),
    { left: [0, 1] },
  )}`;
}

/** The shape and its type, without what stands above them in a file. */
function schemaPart(info: ChannelInfo): string {
  if (info.schema === undefined) return 'No schema: any value that the codec takes.';
  let code: string;
  try {
    code = codeOf(info, 'typescript').replace(/^(?:\/\/|import )[^\n]*\n+/gm, '');
  } catch (error) {
    code = `${messageOf(error)}\n${info.schema}`;
  }
  return code.split('\n').map(printable).join('\n');
}

/** On a terminal without the counters that are 0 for all, so that it fits. */
function participantsPart(out: Output, { participants }: ChannelInfo): string {
  const rows = participants.map(participantRow);
  const isShown = ({ mayBeLeftOut }: ParticipantColumn, index: number) =>
    !out.isTerminal || mayBeLeftOut !== true || rows.some((row) => row[index] !== '0');
  const shown = columns.map(isShown);
  return drawTable(
    out,
    columns.filter((_, index) => shown[index]),
    rows.map((row) => row.filter((_, index) => shown[index])),
  );
}

function participantRow(one: ParticipantInfo): readonly string[] {
  return [
    String(one.slot),
    one.connected ? (one.delivery ?? one.role) : 'disconnected',
    printable(one.name) || '-',
    one.pid === 0 ? '-' : String(one.pid),
    one.alive === true ? 'yes' : one.alive === false ? 'no' : 'unknown',
    one.lag === undefined ? '-' : bytes(one.lag),
    count(one.counters.messages),
    bytes(one.counters.bytes),
    count(one.counters.full),
    count(one.counters.busy),
    count(one.counters.missed),
    count(one.counters.wakeUps),
    age(Date.now() - one.joinedAt),
    programNameOf(one) ?? '-',
  ];
}

/** Only of a process that is proved to be this one: another PID namespace has the number for another process. */
function programNameOf({ pid, alive }: ParticipantInfo): string | undefined {
  return alive === true ? programOf(pid)?.program : undefined;
}

function lastPart(out: Output, last: Last | undefined): string {
  if (last === undefined) return 'No last message.';
  const when = last.time === undefined ? '' : ` at ${timeOfDay(last.time)}`;
  const head = out.style('bold', `Message ${last.sequence}${when}:`);
  return `${head} ${last.problem === undefined ? valueLine(last.value) : printable(last.problem)}`;
}
