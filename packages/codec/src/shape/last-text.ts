import type { MaybeWordBytes } from '../word-bytes.js';
import { type FieldNode, takesText } from './node.js';
import { readText } from './text.js';

/** Bytes of the longest form that is kept: key, header and UTF-8. */
export const LONGEST_FORM = 256;
/** Bytes of the shortest one: shorter texts are read and written as fast by loops. */
const SHORTEST = 16;
/** So many other texts pass before one is kept in place of the last one. */
const TRIES = 15;
/** Where kept texts did not come again, so many pass at most before one is kept. */
const LONGEST_PAUSE = 255;
/** No message is so long: where nothing is kept, there is no room for it. */
const NOTHING = 2 ** 30;
const NIL = 0xc0;
const NO_FORM = new Float64Array(0);

/**
 * The last text of a field: the messages of a program name the same service, host or venue again and again. The form in which it
 * is written, key and header included, is kept as doubles: they are stored and compared at any offset, eight bytes at a time.
 *
 * It is a text of our own, which keeps no larger one in memory that it was cut out of.
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
  /** Whether the text came again since it was kept. */
  isUsed = false;
}

/** The last texts of the fields of a shape. */
export class LastTexts {
  readonly #texts = new Map<FieldNode, LastText>();

  /** Undefined for a field that is no string. */
  of(field: FieldNode): LastText | undefined {
    if (!takesText(field.node)) return undefined;
    let last = this.#texts.get(field);
    if (last === undefined) {
      last = new LastText();
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
  if (!last.isUsed) last.isUsed = true;
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
  if (!last.isUsed) last.isUsed = true;
  return end;
}

/** Another value, perhaps a text, was read at `[start, end)`: a text is kept when enough others have passed. */
export function keepRead(
  last: LastText,
  source: MaybeWordBytes,
  start: number,
  end: number,
  text: unknown,
): void {
  if (last.pass > 0) {
    last.pass -= 1;
    return;
  }
  if (typeof text === 'string' && isDue(last, end - start) && keepForm(last, source, start, end)) {
    last.text = text;
  }
}

/** The same of a text, or nil, that was written at `[start, end)`, behind a key of `key` bytes. */
export function keepWritten(
  last: LastText,
  target: MaybeWordBytes,
  start: number,
  end: number,
  key: number,
): void {
  if (last.pass > 0) {
    last.pass -= 1;
    return;
  }
  const token = target[start + key]!;
  if (token === NIL || !isDue(last, end - start) || !keepForm(last, target, start, end)) return;
  const text = start + key + (token === 0xda ? 3 : token === 0xd9 ? 2 : 1);
  last.text = readText(target, text, end - text);
}

/** Whether one of that many bytes is to be kept. Where the one before did not come again, the field has a pause instead. */
function isDue(last: LastText, size: number): boolean {
  if (size > LONGEST_FORM || size < SHORTEST) {
    last.pass = TRIES;
    return false;
  }
  if (last.size === NOTHING || last.isUsed) {
    if (last.isUsed) last.pause = 0;
    last.isUsed = false;
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
}

/** False where equal doubles would not mean equal bytes: zeros have two forms, and what is no number equals nothing. */
function keepForm(last: LastText, { data }: MaybeWordBytes, start: number, end: number): boolean {
  forget(last);
  if (data === undefined) return false;
  const size = end - start;
  const doubles = size >> 3;
  if (last.form.length <= doubles) last.form = new Float64Array(Math.max(8, 2 * doubles));
  const { form } = last;
  for (let index = 0; index <= doubles; index += 1) {
    const double = data.getFloat64(index < doubles ? start + 8 * index : end - 8, true);
    if (!(double < 0 || double > 0)) return false;
    form[index] = double;
  }
  last.size = size;
  last.doubles = doubles;
  return true;
}
