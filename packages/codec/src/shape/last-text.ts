import { allocateWordBytes } from '../word-bytes.js';
import { type FieldNode, takesText } from './node.js';
import { readText, writeText } from './text.js';

/** Bytes of the longest form that is kept: key, header and UTF-8. */
export const LONGEST_FORM = 256;
/** Bytes of the shortest one: at least one double. Shorter texts are read as fast by loops. */
export const SHORTEST_WRITTEN = 8;
export const SHORTEST_READ = 16;
/** Bytes up to which a form is written and read almost as fast by loops. */
const SHORT_FORM = 15;
/** So many other texts pass before one is kept in place of the last one. */
const TRIES = 15;
/** Characters up to which V8 never makes a string of a part of another one, which that would keep in memory. */
const LONGEST_OWN = 12;
/** Where kept texts did not come again, so many pass at most before one is kept. */
const LONGEST_PAUSE = 255;
/** No message is so long: where nothing is kept, there is no room for it. */
const NOTHING = 2 ** 30;
const NO_FORM = new Float64Array(0);

/**
 * The last text of a field: the messages of a program name the same service, host or venue again and again. The form in which it
 * is written, key and header included, is kept as doubles: they are stored and compared at any offset, eight bytes at a time.
 *
 * It keeps no larger text in memory that it was cut out of. A short one is the program's own string: where that comes again, only two
 * addresses are compared.
 */
export class LastText {
  /** Empty where none is kept. */
  text = '';
  /** Bytes of the form; more than there ever are where none is kept. */
  size: number = NOTHING;
  /** The whole doubles in it; behind them comes one that is made of the last eight bytes. */
  doubles = 0;
  form: Float64Array = NO_FORM;
  /** Other texts that pass before something changes. */
  pass = 0;
  /** How many pass the next time that a text was kept in vain: a field whose texts never repeat costs next to nothing. */
  pause = 0;
  /** Bytes of the shortest form that is kept. */
  readonly shortest: number;
  /** How often the text came again since it was kept, up to {@link TRIES}. */
  uses = 0;

  constructor(shortest: number) {
    this.shortest = shortest;
  }
}

/** The last texts of the fields of a shape. */
export class LastTexts {
  readonly #texts = new Map<FieldNode, LastText>();
  readonly #shortest: number;

  /** @param shortest bytes of the shortest form that is kept. */
  constructor(shortest: number) {
    this.#shortest = shortest;
  }

  /** Undefined for a field that is no string. */
  of(field: FieldNode): LastText | undefined {
    if (!takesText(field.node)) return undefined;
    let last = this.#texts.get(field);
    if (last === undefined) {
      last = new LastText(this.#shortest);
      this.#texts.set(field, last);
    }
    return last;
  }
}

/** Whether the form of the last text lies at a position, where that many bytes are. */
export function hasLast(data: DataView, position: number, last: LastText): boolean {
  const { form, doubles } = last;
  let at = position;
  let index = 0;
  for (; index + 4 <= doubles; index += 4, at += 32) {
    if (
      data.getFloat64(at, true) !== form[index] ||
      data.getFloat64(at + 8, true) !== form[index + 1] ||
      data.getFloat64(at + 16, true) !== form[index + 2] ||
      data.getFloat64(at + 24, true) !== form[index + 3]
    ) {
      return false;
    }
  }
  for (; index < doubles; index += 1, at += 8) if (data.getFloat64(at, true) !== form[index]) return false;
  if (data.getFloat64(position + last.size - 8, true) !== form[doubles]) return false;
  if (last.uses < TRIES) last.uses += 1;
  return true;
}

/** Writes the form of the last text to an offset, where there is room for it. Returns the offset after it. */
export function putLast(data: Pick<DataView, 'setFloat64'>, offset: number, last: LastText): number {
  const { form, doubles } = last;
  let at = offset;
  let index = 0;
  for (; index + 4 <= doubles; index += 4, at += 32) {
    data.setFloat64(at, form[index]!, true);
    data.setFloat64(at + 8, form[index + 1]!, true);
    data.setFloat64(at + 16, form[index + 2]!, true);
    data.setFloat64(at + 24, form[index + 3]!, true);
  }
  for (; index < doubles; index += 1, at += 8) data.setFloat64(at, form[index]!, true);
  const end = offset + last.size;
  data.setFloat64(end - 8, form[doubles]!, true);
  if (last.uses < TRIES) last.uses += 1;
  return end;
}

/** Where a form is put together. */
const place = allocateWordBytes(LONGEST_FORM);

/**
 * Another value of the field, perhaps a text, was read or written behind that key: a text is kept when enough others have passed. To be
 * called when the rest of the message is done: what V8 compiles for that trusts more of what it knows than it does after a call.
 */
export function keepText(last: LastText, key: Uint8Array, value: unknown): void {
  if (last.pass > 0) {
    last.pass -= 1;
    return;
  }
  if (typeof value !== 'string') return;
  const size = value.length > LONGEST_FORM ? -1 : formOf(key, value);
  if (!isDue(last, size) || !keepForm(last, size)) return;
  last.text = value.length <= LONGEST_OWN ? value : ownText(value, size);
}

/** Puts a form together; how many bytes it has, or -1 for one that is too long. */
function formOf(key: Uint8Array, text: string): number {
  if (key.length > LONGEST_FORM) return -1;
  place.set(key);
  return writeText(text, place, key.length, LONGEST_FORM);
}

/** A string of its own with those characters, the form of which is put together. */
function ownText(text: string, size: number): string {
  const length = Buffer.byteLength(text);
  return readText(place, size - length, length);
}

/** Whether one of that many bytes is to be kept. Where the one before did not come again, the field has a pause instead. */
function isDue(last: LastText, size: number): boolean {
  if (size < last.shortest) {
    last.pass = TRIES;
    return false;
  }
  // A short one has to come again as often as others come: for it little is gained, and something lost with the others.
  const isUsed = last.uses >= (last.size <= SHORT_FORM ? TRIES : 1);
  if (last.size === NOTHING || isUsed) {
    if (isUsed) last.pause = 0;
    last.pass = TRIES;
    return true;
  }
  forget(last);
  last.pass = last.pause;
  last.pause = Math.min(2 * last.pause + 1, LONGEST_PAUSE);
  return false;
}

function forget(last: LastText): void {
  last.size = NOTHING;
  last.text = '';
  last.uses = 0;
}

/** Keeps the form that was put together. False where equal doubles would not mean equal bytes: zeros have two forms, and what is no
 * number equals nothing.
 */
function keepForm(last: LastText, size: number): boolean {
  forget(last);
  const doubles = size >> 3;
  if (last.form.length <= doubles) last.form = new Float64Array(Math.max(8, 2 * doubles));
  const { form } = last;
  for (let index = 0; index <= doubles; index += 1) {
    const double = place.data.getFloat64(index < doubles ? 8 * index : size - 8, true);
    if (!(double < 0 || double > 0)) return false;
    form[index] = double;
  }
  last.size = size;
  last.doubles = doubles;
  return true;
}
