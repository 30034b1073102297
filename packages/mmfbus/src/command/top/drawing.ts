import { printable } from '@mmfbus/terminal';
import type { BridgeRow, ChannelRow, ParticipantRow } from '../../ui/protocol.js';
import type { Style } from '../output.js';
import { bytes, plural, rate } from '../units.js';
import { bridgeLine } from './bridges.js';
import { fit } from './fit.js';
import { type Entry, entriesOf, lagOf, largestLagOf, SORTS, type View } from './ranking.js';

/** Widths of the columns of numbers, and of the bar of a lag. */
const NUMBER = 11;
const BAR = 8;
/** Characters of a name at least. */
const LEAST_NAME = 12;

/** What is drawn. */
export interface Picture {
  readonly channels: readonly ChannelRow[];
  readonly bridges: readonly BridgeRow[];
  readonly view: View;
  /** Rows that are scrolled away above. */
  readonly top: number;
  /** Whether the user types the filter now. */
  readonly isTyping: boolean;
  readonly time: string;
}

/** Where it is drawn. */
export interface Canvas {
  readonly columns: number;
  /** Undefined where all rows are printed. */
  readonly rows: number | undefined;
  readonly style: (style: Style, text: string) => string;
}

/** Lines that are not rows of the table, beside one for each bridge. */
const HEAD = 4;
const FOOT = 1;

/** How many rows of the table fit. */
export function roomOf({ rows }: Pick<Canvas, 'rows'>, bridges: number): number {
  return rows === undefined ? Number.POSITIVE_INFINITY : Math.max(1, rows - HEAD - bridges - FOOT);
}

/** The lines of a screen, none longer than it is wide. */
export function draw(picture: Picture, canvas: Canvas): string[] {
  const { channels, bridges, view, top } = picture;
  const { columns, style } = canvas;
  const entries = entriesOf(channels, view);
  const room = roomOf(canvas, bridges.length);
  const shown = entries.slice(top, top + room);
  const lines = [
    style('bold', fit(summaryOf(picture), columns)),
    holdersLine(channels, canvas),
    ...bridges.map((bridge) => {
      const line = fit(bridgeLine(bridge), columns);
      return bridge.connected ? line : style('red', line);
    }),
    style('dim', fit(choiceOf(picture), columns)),
    style('inverse', fit(headings(columns), columns)),
    ...shown.map((entry) => entryLine(entry, canvas)),
  ];
  if (entries.length === 0) {
    lines.push(
      fit(channels.length === 0 ? 'There are no channels.' : 'No channel matches the filter.', columns),
    );
  }
  if (canvas.rows === undefined) return lines.map((line) => line.trimEnd());
  while (lines.length < canvas.rows - FOOT) lines.push('');
  return [
    ...lines.slice(0, canvas.rows - FOOT),
    style('dim', fit(footOf(picture, entries.length, room), columns)),
  ];
}

function summaryOf({ channels, time }: Picture): string {
  const sum = (value: (row: ChannelRow) => number) => channels.reduce((total, row) => total + value(row), 0);
  return [
    `mmfbus top ${time}`,
    plural(channels.filter(({ isService }) => !isService).length, 'channel'),
    ...(channels.some(({ isService }) => isService)
      ? [plural(channels.filter(({ isService }) => isService).length, 'service')]
      : []),
    plural(
      sum(({ participants }) => participants.length),
      'participant',
    ),
    rate(sum((row) => row.rate)),
    `${bytes(Math.round(sum((row) => row.bytes)))}/s`,
  ].join('   ');
}

/** Who holds whom back. */
function holdersLine(channels: readonly ChannelRow[], { columns, style }: Canvas): string {
  const holders = channels.flatMap(({ name, participants }) =>
    participants
      .filter(({ holds }) => holds)
      .map((one) => `${nameOf(one)} (pid ${one.pid}) on ${printable(name)}`),
  );
  if (holders.length === 0) return fit('No subscriber holds publishers back.', columns);
  return style('red', fit(`Holds publishers back: ${holders.join(', ')}`, columns));
}

function choiceOf({ view, isTyping }: Picture): string {
  const filter = isTyping ? `/${view.filter}_` : view.filter === '' ? 'none' : `/${view.filter}`;
  return `sorted by ${view.sort}${view.isReversed ? ', reversed' : ''}   filter: ${printable(filter)}`;
}

function footOf({ top, isTyping }: Picture, total: number, room: number): string {
  if (isTyping) return 'type a part of a name   Enter: done   Esc: no filter';
  const keys = Object.entries(SORTS).map(([name, key]) =>
    name.startsWith(key) ? `[${key}]${name.slice(1)}` : `[${key}] ${name}`,
  );
  const last = Math.min(total, top + room);
  const where = total > room ? `${top + 1}-${last} of ${total}   ` : '';
  return `${where}${keys.join(' ')}   [/]filter [p]articipants [q]uit`;
}

function nameWidth(columns: number): number {
  return Math.max(LEAST_NAME, columns - 3 * NUMBER - BAR - 7 - 1);
}

function headings(columns: number): string {
  const numbers = ['RATE', 'BYTES', 'WAKE-UPS'].map((text) => text.padStart(NUMBER));
  return `${'CHANNEL / participant'.slice(0, nameWidth(columns)).padEnd(nameWidth(columns))}${numbers.join('')}  LAG`;
}

function entryLine({ channel, participant }: Entry, { columns, style }: Canvas): string {
  const line = (name: string, numbers: readonly string[], lag: string) =>
    fit(
      `${fit(name, nameWidth(columns))}${numbers.map((text) => text.padStart(NUMBER)).join('')}  ${lag}`,
      columns,
    );
  if (participant === undefined) {
    const held = channel.participants.some(({ holds }) => holds);
    const text = channel.isService
      ? line(`${printable(channel.name)} (service)`, [rate(channel.rate), '', ''], '')
      : line(
          printable(channel.name),
          [rate(channel.rate), `${bytes(Math.round(channel.bytes))}/s`, rate(channel.wakeUps)],
          bar(largestLagOf(channel)),
        );
    return style(held ? ['bold', 'red'] : 'bold', text);
  }
  const { role, holds, alive } = participant;
  const numbers = channel.isService
    ? [role === 'client' ? '' : rate(participant.rate), '', '']
    : [rate(participant.rate), '', rate(participant.wakeUps)];
  const lag = channel.isService || role === 'publisher' ? '' : bar(lagOf(participant, channel));
  const notes = alive === false ? ', dead' : holds ? ', holds back' : '';
  const text = line(`  ${MARKS[role]} ${nameOf(participant)} (${participant.pid}${notes})`, numbers, lag);
  return holds || alive === false ? style('red', text) : text;
}

/** Where messages go to, and who calls whom. */
const MARKS: Readonly<Record<ParticipantRow['role'], string>> = {
  publisher: '>',
  reliable: '<',
  lossy: '~',
  disconnected: 'x',
  server: '=',
  client: '?',
};

function nameOf({ name, program }: ParticipantRow): string {
  return printable(name || program || 'unnamed');
}

function bar(part: number): string {
  const filled = Math.ceil(part * BAR);
  return `${'#'.repeat(filled)}${'.'.repeat(BAR - filled)} ${Math.ceil(part * 100)}%`;
}
