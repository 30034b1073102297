import { printable, quoted } from './printable.js';

/** Options of {@link valueLine}. */
export interface ValueLineOptions {
  /** Characters of the line; at least 1. Defaults to 1,000. */
  readonly maxLength?: number;
  /** Levels of objects and arrays that are shown. Defaults to 8. */
  readonly maxDepth?: number;
  /** Characters of one string or name, before escapes. Defaults to 200. */
  readonly maxText?: number;
  /** Bytes of one `Uint8Array`. Defaults to 32. */
  readonly maxBytes?: number;
}

/**
 * Shows a value that a codec decoded on one line of printable characters, whatever is in its strings:
 * `{id: 7, symbol: "AAPL", at: 2026-01-01T00:00:00.000Z, raw: 0xcafe (2 bytes)}`.
 *
 * Strings are those of JSON, numbers and bigints are digits, maps look like objects, and names that are words have no quotes. What is
 * beyond a limit is `…`.
 */
export function valueLine(value: unknown, options: ValueLineOptions = {}): string {
  const line = new Line(options);
  line.value(value, 0);
  return line.text;
}

const MORE = '…';

class Line {
  readonly #maxLength: number;
  readonly #maxDepth: number;
  readonly #maxText: number;
  readonly #maxBytes: number;
  #text = '';
  #isFull = false;

  constructor({ maxLength = 1_000, maxDepth = 8, maxText = 200, maxBytes = 32 }: ValueLineOptions) {
    this.#maxLength = maxLength;
    this.#maxDepth = maxDepth;
    this.#maxText = maxText;
    this.#maxBytes = maxBytes;
  }

  get text(): string {
    return this.#text;
  }

  value(value: unknown, depth: number): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value !== 'object' || value === null) this.#add(scalarText(value));
    else if (value instanceof Date) this.#add(dateText(value));
    else if (value instanceof Uint8Array) this.#add(this.#bytesText(value));
    else if (depth >= this.#maxDepth) this.#add(Array.isArray(value) ? `[${MORE}]` : `{${MORE}}`);
    else if (Array.isArray(value)) this.#items(value, depth);
    else if (value instanceof Map) this.#members(value, depth);
    else this.#members(propertiesOf(value), depth);
  }

  #items(items: readonly unknown[], depth: number): void {
    this.#add('[');
    for (let index = 0; index < items.length && !this.#isFull; index += 1) {
      if (index > 0) this.#add(', ');
      this.value(items[index], depth + 1);
    }
    this.#add(']');
  }

  #members(members: Iterable<readonly [name: unknown, value: unknown]>, depth: number): void {
    this.#add('{');
    let isFirst = true;
    for (const [name, value] of members) {
      if (this.#isFull) break;
      if (!isFirst) this.#add(', ');
      isFirst = false;
      if (typeof name === 'string' && /^[A-Za-z_$][\w$]*$/.test(name.slice(0, this.#maxText)))
        this.#name(name);
      else this.value(name, this.#maxDepth);
      this.#add(': ');
      this.value(value, depth + 1);
    }
    this.#add('}');
  }

  #name(name: string): void {
    this.#add(name.length > this.#maxText ? `${name.slice(0, this.#maxText)}${MORE}` : name);
  }

  #string(text: string): void {
    if (text.length <= this.#maxText) this.#add(quoted(text));
    else this.#add(`${quoted(text.slice(0, this.#maxText))}${MORE}`);
  }

  #bytesText(bytes: Uint8Array): string {
    const { length } = bytes;
    let digits = '';
    for (let index = 0; index < Math.min(length, this.#maxBytes); index += 1) {
      digits += bytes[index]!.toString(16).padStart(2, '0');
    }
    const more = length > this.#maxBytes ? MORE : '';
    return `0x${digits}${more} (${length} ${length === 1 ? 'byte' : 'bytes'})`;
  }

  /** Adds a part in full, or as much of it as there is room for. */
  #add(part: string): void {
    if (this.#isFull) return;
    const room = this.#maxLength - this.#text.length;
    if (part.length <= room) {
      this.#text += part;
      return;
    }
    this.#isFull = true;
    this.#text = cut(this.#text + part, this.#maxLength);
  }
}

/** Cuts where no escape and no pair of surrogates is cut. */
function cut(line: string, length: number): string {
  const end = length - MORE.length;
  const whole = line.slice(0, end).replace(/[\ud800-\udbff]$/, '');
  // What begins with the last backslash that is not the second of a pair may be a part of an escape.
  return whole.replace(/(?<!\\)((?:\\\\)*)\\(?:u[0-9a-f]{0,3})?$/, '$1') + MORE;
}

/** Digits, a word, or for what no codec gives its kind. */
function scalarText(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'symbol' || typeof value === 'function' ? typeof value : printable(String(value));
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString();
}

function* propertiesOf(object: object): Iterable<readonly [string, unknown]> {
  for (const name of Object.keys(object)) yield [name, (object as Record<string, unknown>)[name]];
}
