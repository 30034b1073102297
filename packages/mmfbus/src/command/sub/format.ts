import { Buffer } from 'node:buffer';
import type { ObservedMessage } from '@mmfbus/channel';
import { printable, valueLine } from '@mmfbus/terminal';
import { publishedAt, timeOfDay } from '../clock.js';
import { csvLine } from '../csv.js';
import { jsonLine } from '../json.js';
import type { Output, Style } from '../output.js';
import { type Path, showPath, valueAt } from '../where/path.js';

/** How messages are shown. */
export interface FormatOptions {
  readonly out: Output;
  /** What of the value is shown; all of it where there is none. */
  readonly fields: readonly Path[];
  /** Whether the time of each message is shown. */
  readonly time: boolean;
  /** Whether long values are shown in full. */
  readonly full: boolean;
}

/** Shows messages, one a line. */
export interface Format {
  /** What stands above the messages. */
  readonly head: string | undefined;
  line(message: ObservedMessage<unknown>): string;
}

/** Characters of a value, its texts and its bytes unless it is shown in full. */
const BRIEF = {};
const FULL = {
  maxLength: 2 ** 28,
  maxDepth: 1000,
  maxText: 2 ** 27,
  maxBytes: 2 ** 27,
};

/** For readers: `41  {symbol: "AAPL", px: 187.25}`; with fields their values alone, set apart by tabs. */
export function plainFormat({ out, fields, time, full }: FormatOptions): Format {
  const show = (value: unknown) => valueText(out, value, full);
  const bare = (value: unknown) =>
    typeof value === 'string' && full
      ? printable(value)
      : typeof value === 'string'
        ? bareText(value)
        : show(value);
  return {
    head: undefined,
    line: ({ value, sequence, timestamp }) => {
      const at = time ? `${out.style('dim', timeCell(timestamp))}  ` : '';
      if (fields.length > 0) return at + fields.map((field) => bare(valueAt(value, field))).join('\t');
      return `${at}${out.style('dim', String(sequence).padStart(6))}  ${show(value)}`;
    },
  };
}

/** A text without its quotes, cut as `valueLine` cuts. */
function bareText(text: string): string {
  return valueLine(text).replace(/^"(.*)"(…?)$/s, '$1$2');
}

function timeCell(timestamp: number): string {
  const at = publishedAt(timestamp);
  return at === undefined ? '-'.padStart(12) : timeOfDay(at);
}

/** A value in one line, coloured. */
export function valueText(out: Output, value: unknown, full: boolean): string {
  return coloured(out, valueLine(value, full ? FULL : BRIEF));
}

const COLOURS: Readonly<Record<string, Style>> = {
  text: 'green',
  name: 'cyan',
  number: 'yellow',
  word: 'magenta',
};
const PIECES =
  /(?<text>"(?:[^"\\]|\\.)*"(?!:)…?)|(?<name>(?:"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$]*)(?=: ))|(?<number>-?\b\d[\w.:+-]*)|(?<word>\b(?:true|false|null|undefined|NaN|Infinity)\b)/g;

/** Colours what {@link valueLine} has made, which holds nothing that a terminal obeys. */
function coloured(out: Output, line: string): string {
  if (!out.isColoured) return line;
  return line.replace(PIECES, (piece, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>;
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined) ?? '';
    return out.style(COLOURS[kind] ?? 'reset', piece);
  });
}

/** One object a line: number, time, publisher and value; with fields an object of these. */
export function jsonFormat({ fields }: FormatOptions): Format {
  return {
    head: undefined,
    line: ({ value, sequence, timestamp, publisher }) => {
      const shown =
        fields.length === 0
          ? value
          : Object.fromEntries(fields.map((field) => [showPath(field), valueAt(value, field) ?? null]));
      const time = publishedAt(timestamp)?.toISOString() ?? null;
      return jsonLine({ sequence, time, timestamp, publisher, value: shown });
    },
  };
}

/** Columns for the number, with `--time` the time, and the fields; the value as JSON where no fields are known. */
export function csvFormat({ out, fields, time }: FormatOptions): Format {
  // A file gets the texts as they are, a terminal nothing that it might obey.
  const show = out.isTerminal
    ? (cells: readonly unknown[]) => csvLine(cells).split('\n').map(printable).join('\n')
    : csvLine;
  const names = fields.length === 0 ? ['value'] : fields.map(showPath);
  return {
    head: show(['sequence', ...(time ? ['time'] : []), ...names]),
    line: ({ value, sequence, timestamp }) => {
      const cells = fields.length === 0 ? [value] : fields.map((field) => valueAt(value, field));
      return show([sequence, ...(time ? [publishedAt(timestamp)] : []), ...cells]);
    },
  };
}

/** The bytes of each message, as hexadecimal digits. */
export function rawFormat(): Format {
  return {
    head: undefined,
    line: ({ value }) => Buffer.from(value as Uint8Array).toString('hex'),
  };
}
