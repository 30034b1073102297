/** Name of the one header that a bridge adds. */
export const HEADER = 'Mmfbus';
/** Version of what it says. */
export const VERSION = '1';
const FIELDS = 7;
const GAP_FIELDS = 9;
const PART_FIELDS = 10;
const PART = 'part';

/** What the header of a message says. */
export interface Header {
  /** The channel where the message was published first, and its number there. */
  readonly incarnation: string;
  readonly sequence: number;
  /** Number of the message of that channel that was exported before it; 0 for the first one. */
  readonly prev: number;
  /** When it was published there, nanoseconds since 1970. */
  readonly time: string;
  /** See `encodingTag`. */
  readonly encoding: string;
  /** Name of the exporting host, for people. */
  readonly host: string;
  /** Where it is no message but tells of some that are missing, up to its own number. */
  readonly gap: { readonly reason: string; readonly from: number } | undefined;
  /** Where it is a piece of a message: where its bytes begin in it, and how many the message has. */
  readonly part: { readonly offset: number; readonly total: number } | undefined;
}

/**
 * Writes a header: `1;<incarnation>;<sequence>;<prev>;<wall ns>;<encoding>;<host>`, and of a gap behind that
 * `;<reason>;<from>`, of a piece `;part;<offset>;<total>`. Encoding and host are percent-encoded.
 */
export function writeHeader(header: Header): string {
  const { incarnation, sequence, prev, time, encoding, host, gap, part } = header;
  const text = `${VERSION};${incarnation};${sequence};${prev};${time};${encoding};${host}`;
  if (gap !== undefined) return `${text};${gap.reason};${gap.from}`;
  return part === undefined ? text : `${text}${partText(part.offset, part.total)}`;
}

/** What stands behind the header of a message in that of a piece of it. */
export function partText(offset: number, total: number): string {
  return `;${PART};${offset};${total}`;
}

/** Reads one, of whatever origin; undefined where no bridge of this version wrote it. */
export function readHeader(text: string): Header | undefined {
  const fields = text.split(';');
  if (fields[0] !== VERSION) return undefined;
  const [, incarnation = '', sequenceText, prevText, time = '', encoding = '', host = ''] = fields;
  const [sequence, prev] = [Number(sequenceText), Number(prevText)];
  if (!/^[0-9a-f]{16}$/.test(incarnation) || !isNumber(sequenceText, 1) || !isNumber(prevText, 0))
    return undefined;
  if (prev >= sequence || !/^\d{1,19}$/.test(time)) return undefined;
  const header = { incarnation, sequence, prev, time, encoding, host, gap: undefined, part: undefined };
  switch (fields.length) {
    case FIELDS:
      return header;
    case GAP_FIELDS: {
      const [reason = '', fromText] = fields.slice(FIELDS);
      const from = Number(fromText);
      return isNumber(fromText, 1) && from <= sequence ? { ...header, gap: { reason, from } } : undefined;
    }
    case PART_FIELDS: {
      const [word, offsetText, totalText] = fields.slice(FIELDS);
      const [offset, total] = [Number(offsetText), Number(totalText)];
      const isPart = word === PART && isNumber(offsetText, 0) && isNumber(totalText, 1) && offset < total;
      return isPart ? { ...header, part: { offset, total } } : undefined;
    }
    default:
      return undefined;
  }
}

function isNumber(text: string | undefined, least: number): boolean {
  const value = Number(text);
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least;
}

/** A text as a field can hold it. */
export function fieldOf(text: string): string {
  return encodeURIComponent(text);
}
