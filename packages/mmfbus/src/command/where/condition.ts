import { contains, isEqual, isTrue, order } from './compare.js';
import { type Path, valueAt } from './path.js';
import { mistake, type Token, tokensOf } from './tokens.js';

/** What a condition is asked about. */
export interface Subject {
  readonly value: unknown;
  readonly sequence: number;
  readonly timestamp: number;
  readonly publisher: number;
}

/** A condition on messages, such as `px > 180 and symbol in ['AAPL', 'MSFT']`. */
export interface Condition {
  /** Whether a message meets it. It never throws. */
  readonly holds: (subject: Subject) => boolean;
  /** The fields of the value that it looks at, with their places in the text. */
  readonly paths: readonly { readonly path: Path; readonly at: number }[];
}

/** What an expression is of one message. */
type Term = (subject: Subject) => unknown;

/** Parentheses, lists and negations within one another, at most. */
const MAX_DEPTH = 100;

const COMPARISONS: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': isEqual,
  '=': isEqual,
  '!=': (a, b) => !isEqual(a, b),
  '<': (a, b) => (order(a, b) ?? 0) < 0,
  '>': (a, b) => (order(a, b) ?? 0) > 0,
  '<=': (a, b) => (order(a, b) ?? 1) <= 0,
  '>=': (a, b) => (order(a, b) ?? -1) >= 0,
  contains,
  in: (a, b) => contains(b, a),
};

const CONSTANTS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };

/** What is said of a message beside its value. */
const OF_MESSAGE: Readonly<Record<string, Term>> = {
  $: ({ value }) => value,
  $sequence: ({ sequence }) => sequence,
  $timestamp: ({ timestamp }) => timestamp,
  $publisher: ({ publisher }) => publisher,
};

const OR = ['or', '||'];
const AND = ['and', '&&'];
const NOT = ['not', '!'];

/**
 * Reads a condition. It is taken apart and put together of functions, and never run as code.
 *
 * @throws {UsageError} that shows the place of the mistake.
 */
export function parseCondition(text: string): Condition {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #paths: { readonly path: Path; readonly at: number }[] = [];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  parse(): Condition {
    const term = this.#any();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw this.#mistake(rest, `unexpected ${nameOf(rest)}`);
    return { holds: (subject) => isTrue(term(subject)), paths: this.#paths };
  }

  #any(): Term {
    const terms = [this.#all()];
    while (this.#takes(OR)) terms.push(this.#all());
    const [first] = terms as [Term];
    return terms.length === 1 ? first : (subject) => terms.some((term) => isTrue(term(subject)));
  }

  #all(): Term {
    const terms = [this.#negated()];
    while (this.#takes(AND)) terms.push(this.#negated());
    const [first] = terms as [Term];
    return terms.length === 1 ? first : (subject) => terms.every((term) => isTrue(term(subject)));
  }

  #negated(): Term {
    const token = this.#peek();
    if (!this.#takes(NOT)) return this.#comparison();
    return this.#within(token, () => {
      const term = this.#negated();
      return (subject) => !isTrue(term(subject));
    });
  }

  #comparison(): Term {
    const left = this.#operand();
    const token = this.#peek();
    if (this.#takes(['=~'])) return this.#pattern(left);
    const isNegated = token.kind === 'word' && token.value === 'not';
    if (isNegated) this.#next++;
    const sign = this.#peek();
    const compare = isOperator(sign) ? COMPARISONS[String(sign.value)] : undefined;
    if (isNegated && sign.value !== 'in' && sign.value !== 'contains') {
      throw this.#mistake(sign, 'expected in or contains behind not');
    }
    if (compare === undefined) return left;
    this.#next++;
    const right = this.#operand();
    const last = this.#peek();
    if (isOperator(last)) throw this.#mistake(last, 'comparisons in a row need and, or or parentheses');
    return (subject) => compare(left(subject), right(subject)) !== isNegated;
  }

  #pattern(left: Term): Term {
    const token = this.#peek();
    if (token.kind !== 'string') throw this.#mistake(token, "expected a pattern, such as '^A', behind =~");
    this.#next++;
    let expression: RegExp;
    try {
      expression = new RegExp(token.value, 'u');
    } catch (error) {
      throw this.#mistake(token, error instanceof Error ? error.message : String(error));
    }
    return (subject) => {
      const value = left(subject);
      return typeof value === 'string' && expression.test(value);
    };
  }

  #operand(): Term {
    const token = this.#peek();
    this.#next++;
    if (token.kind === 'number' || token.kind === 'string') return () => token.value;
    if (token.kind === 'word') return this.#named(token);
    if (token.value === '(') {
      return this.#within(token, () => {
        const term = this.#any();
        this.#expect(')', token);
        return term;
      });
    }
    if (token.value === '[') return this.#within(token, () => this.#list(token));
    throw this.#mistake(token, `expected a field or a value, not ${nameOf(token)}`);
  }

  #list(opening: Token): Term {
    const items: Term[] = [];
    if (!this.#takes([']'])) {
      do items.push(this.#operand());
      while (this.#takes([',']));
      this.#expect(']', opening);
    }
    return (subject) => items.map((item) => item(subject));
  }

  #named(token: Token & { readonly value: string }): Term {
    const { value: name } = token;
    if (Object.hasOwn(CONSTANTS, name)) return () => CONSTANTS[name];
    if (isReserved(name)) throw this.#mistake(token, `expected a field or a value, not ${name}`);
    if (!name.startsWith('$')) {
      const path = [name, ...this.#steps()];
      this.#paths.push({ path, at: token.at });
      return ({ value }) => valueAt(value, path);
    }
    const term = Object.hasOwn(OF_MESSAGE, name) ? OF_MESSAGE[name] : undefined;
    if (term === undefined) {
      throw this.#mistake(token, `there is no ${name}, only ${Object.keys(OF_MESSAGE).join(' ')};`);
    }
    const path = this.#steps();
    if (name === '$' && path.length > 0) this.#paths.push({ path, at: token.at });
    return path.length === 0 ? term : (subject) => valueAt(term(subject), path);
  }

  /** `.name`, `.0`, `[0]` and `['name']`, as many as there are. */
  #steps(): Path {
    const path: (string | number)[] = [];
    for (;;) {
      const opening = this.#peek();
      if (this.#takes(['.'])) path.push(this.#step(['word', 'number']));
      else if (this.#takes(['['])) {
        path.push(this.#step(['string', 'number']));
        this.#expect(']', opening);
      } else return path;
    }
  }

  #step(kinds: readonly Token['kind'][]): string | number {
    const token = this.#peek();
    if (!kinds.includes(token.kind))
      throw this.#mistake(token, `expected the name of a field, not ${nameOf(token)}`);
    this.#next++;
    return token.kind === 'number' ? Number(token.value) : String(token.value);
  }

  #within(token: Token, parse: () => Term): Term {
    if (++this.#depth > MAX_DEPTH) throw this.#mistake(token, `more than ${MAX_DEPTH} levels`);
    const term = parse();
    this.#depth--;
    return term;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #takes(values: readonly string[]): boolean {
    const { kind, value } = this.#peek();
    if ((kind !== 'word' && kind !== 'sign') || !values.includes(value)) return false;
    this.#next++;
    return true;
  }

  #expect(sign: string, opening: Token): void {
    if (this.#takes([sign])) return;
    throw this.#mistake(this.#peek(), `expected ${sign}, which belongs to character ${opening.at + 1},`);
  }

  #mistake(token: Token, problem: string): Error {
    return mistake(this.#text, token.at, problem);
  }
}

function isReserved(word: string): boolean {
  return [...OR, ...AND, ...NOT].includes(word) || Object.hasOwn(COMPARISONS, word);
}

function isOperator({ kind, value }: Token): boolean {
  return (
    (kind === 'word' || kind === 'sign') && (Object.hasOwn(COMPARISONS, value as string) || value === '=~')
  );
}

function nameOf({ kind, value }: Token): string {
  return kind === 'end' ? 'the end' : String(value);
}

/**
 * Reads a path alone, as `--field` takes it: `legs[0].from`.
 *
 * @throws {UsageError} that shows the place of the mistake.
 */
export function parsePath(text: string): Path {
  const { paths } = parseCondition(text);
  const [only] = paths;
  const isPath = paths.length === 1 && only?.at === 0 && /^[^\s=<>!()|&,]+$/u.test(text);
  if (only === undefined || !isPath)
    throw mistake(text, 0, 'expected the path of a field, such as legs[0].from,');
  return only.path;
}
