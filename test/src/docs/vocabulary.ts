import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from '../support/workspace.js';

/** A language that has channels. */
export type Language = 'node' | 'c' | 'rust' | 'python';

const LANGUAGES: readonly Language[] = ['node', 'c', 'rust', 'python'];

/** Something with a name that not all languages need to have. */
interface Entry {
  readonly meaning: string;
  /** Defaults to all. */
  readonly languages?: readonly Language[];
}

export interface Outcome extends Entry {
  readonly name: string;
  readonly of: string;
  readonly names: Readonly<Partial<Record<Language, string>>>;
}

/** A call of a participant, or something else that its program uses by name. */
export interface Call extends Entry {
  readonly name: string;
  readonly of: 'publisher' | 'subscriber';
  readonly names: Readonly<Partial<Record<Language, string>>>;
}

export interface ErrorEntry extends Entry {
  readonly code: string;
  /** The class of Node's error, where it is not that of the channel package. */
  readonly node?: 'MmfError';
}

/** An option; `Of` says of what. */
export interface Option<Of = 'channel' | 'participant' | 'publisher' | 'subscriber'> extends Entry {
  readonly name: string;
  readonly of: Of;
  readonly unit?: string;
  readonly values?: readonly (string | boolean)[];
  readonly default: string | number | boolean;
  /** Where a language spells it in another way than it spells all others. */
  readonly names?: Readonly<Partial<Record<Language, string>>>;
}

export interface Vocabulary {
  readonly outcomes: readonly Outcome[];
  readonly errors: readonly ErrorEntry[];
  readonly options: readonly Option[];
  readonly calls: readonly Call[];
  /** Those of calls of services. */
  readonly serviceErrors: readonly Pick<Outcome, 'name' | 'names' | 'meaning'>[];
  readonly serviceOptions: readonly Option<'client' | 'server' | 'call'>[];
}

export const vocabulary = JSON.parse(
  readFileSync(join(workspaceRoot, 'packages', 'channel', 'vocabulary.json'), 'utf8'),
) as Vocabulary;

export function isIn(language: Language, { languages = LANGUAGES }: Entry): boolean {
  return languages.includes(language);
}

/** `slowSubscribers` and `SLOW_SUBSCRIBERS` as `SlowSubscribers`. */
export function pascalCase(name: string): string {
  return snakeCase(name)
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** `slowSubscribers` and `open-or-create` as `slow_subscribers` and `open_or_create`. */
export function snakeCase(name: string): string {
  const isShouted = name === name.toUpperCase();
  return (isShouted ? name : name.replaceAll(/[A-Z]/g, '_$&')).replaceAll('-', '_').toLowerCase();
}

export function optionName(language: Language, option: Option<unknown>): string {
  return option.names?.[language] ?? (language === 'node' ? option.name : snakeCase(option.name));
}

export function errorName(language: Language, { code }: ErrorEntry): string {
  return language === 'c' ? `MMFBUS_${code}` : language === 'rust' ? `Error::${pascalCase(code)}` : code;
}

/** What the names of the values of an option begin with in C. */
export const C_VALUES: Readonly<Record<string, string>> = {
  scope: 'MMFBUS_SCOPE_',
  open: 'MMFBUS_',
  delivery: 'MMFBUS_DELIVERY_',
  start: 'MMFBUS_START_',
  otherwise: 'MMFBUS_OTHERWISE_',
  slowSubscribers: 'MMFBUS_SLOW_SUBSCRIBERS_',
};

const BEGIN = '<!-- vocabulary: ';
const END = '<!-- end of vocabulary -->';
const TITLES: Readonly<Record<Language, string>> = { node: 'Node', c: 'C', rust: 'Rust', python: 'Python' };

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** What each language calls something, a cell for each. */
function cells(entry: Entry, nameIn: (language: Language) => string | undefined): string[] {
  return LANGUAGES.map((language) => {
    const name = isIn(language, entry) ? nameIn(language) : undefined;
    return name === undefined ? '–' : `\`${name}\``;
  });
}

function defaultOf({ default: value, unit, values, name }: Option<unknown>): string {
  const choices = values?.map((one) => `\`${one}\``).join(', ');
  const text = name === 'mode' ? `0o${value.toString(8)}` : value === '' ? 'none' : String(value);
  return `${choices ?? unit}; ${choices !== undefined && name !== 'start' ? `\`${text}\`` : text}`;
}

const languageTitles = LANGUAGES.map((language) => TITLES[language]);

function optionTable(options: readonly Option<string>[]): string {
  return table(
    ['of', ...languageTitles, 'values; default', 'what it decides'],
    options.map((option) => [
      option.of,
      ...cells(option, (language) => optionName(language, option)),
      defaultOf(option),
      option.meaning,
    ]),
  );
}

const tables: Readonly<Record<string, () => string>> = {
  options: () => optionTable(vocabulary.options),
  calls: () =>
    table(
      ['of', ...languageTitles, 'what it is'],
      vocabulary.calls.map((call) => [
        call.of,
        ...cells(call, (language) => call.names[language]),
        call.meaning,
      ]),
    ),
  outcomes: () =>
    table(
      ['of', ...languageTitles, 'when'],
      vocabulary.outcomes.map((outcome) => [
        outcome.of,
        ...cells(outcome, (language) => outcome.names[language]),
        outcome.meaning,
      ]),
    ),
  errors: () =>
    table(
      [...languageTitles, 'when'],
      vocabulary.errors.map((error) => [
        ...cells(error, (language) => errorName(language, error)),
        error.meaning,
      ]),
    ),
  'options of services': () => optionTable(vocabulary.serviceOptions),
  'errors of services': () =>
    table(
      [...languageTitles, 'when'],
      vocabulary.serviceErrors.map((error) => [
        ...cells(error, (language) => error.names[language]),
        error.meaning,
      ]),
    ),
};

/** The document with each of its tables made anew from the vocabulary. */
export function withVocabularyTables(document: string): string {
  return Object.entries(tables).reduce((text, [title, make]) => {
    const begin = `${BEGIN}${title} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(END, from);
    if (from < 0 || to < 0) throw new Error(`the document has no place for the ${title}`);
    return `${text.slice(0, from)}${begin}\n${make()}\n${text.slice(to)}`;
  }, document);
}
