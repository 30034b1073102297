import { printable, UsageError } from '@mmfbus/terminal';

/** A piece of an expression. */
export type Token =
  | { readonly kind: 'number'; readonly value: number | bigint; readonly at: number }
  | { readonly kind: 'string'; readonly value: string; readonly at: number }
  | { readonly kind: 'word' | 'sign'; readonly value: string; readonly at: number }
  | { readonly kind: 'end'; readonly value: string; readonly at: number };

const SPACE = /\s+/uy;
const NUMBER = /-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![\w$])/uy;
const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const SIGN = /==|!=|<=|>=|=~|&&|\|\||[=<>!()[\],.]/uy;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0' };

/** Characters of an expression that an error shows before and behind the place. */
const SHOWN = 50;

/** A mistake in an expression: the text with a mark below the place. */
export function mistake(text: string, at: number, problem: string): UsageError {
  const before = printable(text.slice(Math.max(0, at - SHOWN), at));
  const behind = printable(text.slice(at, at + SHOWN));
  return new UsageError(
    `${problem} at character ${at + 1} of the condition:\n  ${before}${behind}\n  ${' '.repeat([...before].length)}^`,
  );
}

/**
 * Takes an expression apart.
 *
 * @throws {UsageError} where a character belongs to nothing.
 */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const space = matchAt(SPACE, text, at);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const { token, length } = tokenAt(text, at, tokens.at(-1));
    tokens.push(token);
    at += length;
  }
  tokens.push({ kind: 'end', value: '', at: text.length });
  return tokens;
}

function matchAt(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}

function tokenAt(
  text: string,
  at: number,
  before: Token | undefined,
): { readonly token: Token; readonly length: number } {
  const quote = text[at];
  if (quote === "'" || quote === '"') return stringAt(text, at, quote);
  // A point within a path is no number: items.0.px
  const isPath = before?.kind === 'sign' && before.value === '.';
  const number = isPath ? matchAt(/\d+/uy, text, at) : matchAt(NUMBER, text, at);
  if (number !== undefined) {
    return { token: { kind: 'number', value: numberOf(number), at }, length: number.length };
  }
  const word = matchAt(WORD, text, at);
  if (word !== undefined) return { token: { kind: 'word', value: word, at }, length: word.length };
  const sign = matchAt(SIGN, text, at);
  if (sign === undefined) throw mistake(text, at, 'unexpected character');
  return { token: { kind: 'sign', value: sign, at }, length: sign.length };
}

/** Whole numbers beyond 2^53 stay exact. */
function numberOf(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : BigInt(text);
}

function stringAt(
  text: string,
  at: number,
  quote: string,
): { readonly token: Token; readonly length: number } {
  let value = '';
  for (let index = at + 1; index < text.length; index++) {
    const character = text[index] as string;
    if (character === quote) return { token: { kind: 'string', value, at }, length: index + 1 - at };
    if (character !== '\\') {
      value += character;
      continue;
    }
    index++;
    const escaped = text[index] ?? '';
    value += ESCAPES[escaped] ?? escaped;
  }
  throw mistake(text, at, 'a string without its end');
}
