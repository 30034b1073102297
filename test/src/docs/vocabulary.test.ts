import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { findExport, parsedSources, type Sources } from '../support/parsed-sources.js';
import { workspaceRoot } from '../support/workspace.js';
import {
  C_VALUES,
  errorName,
  isIn,
  type Language,
  type Option,
  optionName,
  pascalCase,
  snakeCase,
  vocabulary,
  withVocabularyTables,
} from './vocabulary.js';

const { options, errors, outcomes, calls, serviceErrors, serviceOptions } = vocabulary;
const apiDocument = join(workspaceRoot, 'packages', 'channel', 'API.md');

function nativeSource(...path: readonly string[]): string {
  return readFileSync(join(workspaceRoot, 'packages', 'native', ...path), 'utf8');
}

const header = nativeSource('include', 'mmfbus.h');
const rust = nativeSource('rust', 'mmfbus.rs');
const python = nativeSource('python', 'mmfbus.py');
const shapeHeader = nativeSource('include', 'mmfbus_shape.h');
const serviceRust = nativeSource('rust', 'mmfbus_service.rs');
const serviceHeader = nativeSource('include', 'mmfbus_service.h');

/** What lies between two texts of a source. */
function between(source: string, begin: string, end: string): string {
  const from = source.indexOf(begin);
  const to = source.indexOf(end, from + begin.length);
  if (from < 0 || to < 0) throw new Error(`there is nothing between ${begin} and ${end}`);
  return source.slice(from + begin.length, to);
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}

function enumOfC(name: string): string[] {
  return matches(withoutComments(between(header, `typedef enum ${name} {`, `} ${name};`)), /\b(MMFBUS_\w+)/g);
}

function enumOfRust(name: string, source = rust): string[] {
  const body = withoutComments(between(source, `pub enum ${name} {`, '\n}'));
  return matches(body, /^ {4}(\w+)/gm);
}

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}

function errorsOf(language: Language): string[] {
  return errors.filter((error) => isIn(language, error)).map((error) => errorName(language, error));
}

function optionsOf(language: Language, ...kinds: readonly Option['of'][]): string[] {
  return options
    .filter((option) => isIn(language, option) && (kinds.length === 0 || kinds.includes(option.of)))
    .map((option) => optionName(language, option));
}

function callsOf(language: Language, of: 'publisher' | 'subscriber'): string[] {
  return calls.filter((call) => call.of === of).flatMap(({ names }) => names[language] ?? []);
}

function outcomesOf(language: Language): string[] {
  return outcomes.flatMap(({ names }) => names[language] ?? []);
}

/** A time as Rust writes it, as in `Some(Duration::from_secs(30))`. */
function millisecondsOfRust(text: string): number {
  if (text === 'Duration::ZERO') return 0;
  const [, unit = '', count = ''] = /Duration::from_(\w+)\((\d+)\)/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = { secs: 1000, millis: 1, micros: 0.001 };
  return Number(count) * (units[unit] ?? Number.NaN);
}

type ServiceOption = (typeof serviceOptions)[number];

function serviceErrorsOf(language: Language): string[] {
  return serviceErrors.flatMap(({ names }) => names[language] ?? []);
}

function serviceOptionsOf(language: Language, of: ServiceOption['of']): ServiceOption[] {
  return serviceOptions.filter((option) => option.of === of && isIn(language, option));
}

const channel = parsedSources('channel');
const service = parsedSources('service');

function interfaceOf(sources: Sources, name: string): ts.InterfaceDeclaration {
  const { declaration } = findExport(sources, name);
  if (!ts.isInterfaceDeclaration(declaration)) throw new Error(`${name} is not an interface`);
  return declaration;
}

/** The members of an interface of Node's. */
function membersOf(name: string, sources: Sources = channel): string[] {
  return interfaceOf(sources, name).members.map((member) => member.name?.getText() ?? '');
}

/** The texts of a type of Node's that is one of several. */
function textsOf(sources: Sources, name: string): string[] {
  const { declaration } = findExport(sources, name);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) texts.push(node.literal.text);
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return texts;
}

/** The options of natives that are one of several texts. */
const choices = options.filter(({ name }) => name in C_VALUES);

describe('C', () => {
  const textsOfC = between(header, 'const char *mmfbus_text(mmfbus_status status) {', '\n}');

  test('has the statuses', () => {
    const all = [...outcomesOf('c'), ...errorsOf('c'), ...serviceErrorsOf('c')];
    expect(sorted(enumOfC('mmfbus_status'))).toEqual(sorted(all));
  });

  test('tells outcomes from errors', () => {
    const all = enumOfC('mmfbus_status');
    const first = between(header, 'return status >= ', ';');
    expect(sorted(all.slice(0, all.indexOf(first)))).toEqual(sorted(outcomesOf('c')));
  });

  test('has a text for each status', () => {
    expect(matches(textsOfC, /case (\w+):/g)).toEqual(enumOfC('mmfbus_status'));
  });

  test('gives each status somewhere', () => {
    const implementation = header
      .slice(header.indexOf('\n#ifdef MMFBUS_IMPLEMENTATION'))
      .replace(textsOfC, '');
    const code = withoutComments(implementation + shapeHeader + serviceHeader);
    const isGiven = (name: string) => new RegExp(`\\b${name}\\b`).test(code);
    expect(enumOfC('mmfbus_status').filter((name) => !isGiven(name))).toEqual([]);
  });

  test('has the options', () => {
    const body = withoutComments(between(header, 'typedef struct mmfbus_options {', '} mmfbus_options;'));
    const own = ['struct_size', 'channel', 'after'];
    expect(sorted(matches(body, /(\w+);/g))).toEqual(sorted([...own, ...optionsOf('c')]));
  });

  test.each(choices.map((option) => [option.name, option] as const))(
    'has the values of %s',
    (name, option) => {
      const prefix = C_VALUES[name] as string;
      const type = name === 'open' ? 'mmfbus_open_mode' : `mmfbus_${snakeCase(name)}`;
      const values = (option.values ?? []).map((value) => prefix + snakeCase(String(value)).toUpperCase());
      const isDefault = (value: string) => value === `${prefix}DEFAULT`;
      expect(enumOfC(type).filter((value) => !isDefault(value))).toEqual(values);
    },
  );
});

describe.each(['publisher', 'subscriber'] as const)('the calls of a %s', (of) => {
  const missing = (language: Language, declared: readonly string[]) =>
    callsOf(language, of).filter((name) => !declared.includes(name));

  test('are in C', () => {
    expect(
      missing('c', matches(withoutComments(header), /^(?:MMFBUS_MUST_USE )?\w+ (mmfbus_\w+)\(/gm)),
    ).toEqual([]);
  });

  test('are in Rust', () => {
    const body = between(rust, `impl ${pascalCase(of)} {`, '\n}');
    expect(missing('rust', matches(body, /pub fn (\w+)/g))).toEqual([]);
  });

  test('are in Python', () => {
    const from = python.indexOf(`class ${pascalCase(of)}(_Participant):`);
    const [body = ''] = python.slice(from + 1).split('\nclass ');
    expect(missing('python', matches(body, /^ {4}def (\w+)/gm))).toEqual([]);
  });

  test('are in Node', () => {
    const name = pascalCase(of);
    const names = [name, ...(of === 'publisher' ? ['PublisherEvents'] : [])];
    const members = names.flatMap((one) => membersOf(one));
    expect(missing('node', members)).toEqual([]);
  });
});

describe('Rust', () => {
  test('has the errors', () => {
    expect(sorted(enumOfRust('Error').map((name) => `Error::${name}`))).toEqual(sorted(errorsOf('rust')));
  });

  test('gives each error somewhere', () => {
    const code = rust.slice(rust.indexOf('\n/// What a call that does not wait came to.'));
    const all = `${code}${between(rust, 'fn os_error', '\n/// A path')}`;
    const isGiven = (name: string) => new RegExp(`\\b${name}\\b`).test(all);
    expect(errorsOf('rust').filter((name) => !isGiven(name))).toEqual([]);
  });

  test.each(['Outcome', 'Event'])('has the outcomes of %s', (type) => {
    const expected = outcomesOf('rust').filter((name) => name.startsWith(`${type}::`));
    expect(sorted(enumOfRust(type).map((name) => `${type}::${name}`))).toEqual(sorted(expected));
  });

  test('has the options', () => {
    const body = withoutComments(between(rust, "pub struct Options<'a> {", '\n}'));
    expect(sorted(matches(body, /pub (\w+):/g))).toEqual(sorted(optionsOf('rust')));
  });

  test.each(choices.map((option) => [option.name, option] as const))(
    'has the values of %s',
    (name, option) => {
      expect(enumOfRust(pascalCase(name))).toEqual(
        (option.values ?? []).map((value) => pascalCase(String(value))),
      );
    },
  );
});

describe('Python', () => {
  const listed = matches(between(python, 'class Error(Exception):', 'def __init__'), /^ {4}([A-Z_]+) {2,}/gm);

  test('has the errors', () => {
    expect(sorted(listed)).toEqual(sorted(errorsOf('python')));
  });

  test('gives each error somewhere', () => {
    expect(errorsOf('python').filter((code) => !python.includes(`"${code}"`))).toEqual([]);
    const given = matches(python, /(?:Error|Timeout|Disconnected)\("([A-Z_]+)"/g);
    expect(given.filter((code) => !listed.includes(code))).toEqual([]);
  });

  test('has the outcomes', () => {
    const returned = matches(python, /return "(\w+)"/g).map((word) => `'${word}'`);
    expect(sorted(returned)).toEqual(sorted(outcomesOf('python').filter((name) => name.startsWith("'"))));
    const exported = matches(between(python, '__all__ = ', ']'), /"(\w+)"/g);
    const classes = outcomesOf('python').filter((name) => /^[A-Z](?!one)/.test(name));
    expect(classes.filter((name) => !exported.includes(name))).toEqual([]);
  });

  test.each(['publisher', 'subscriber'] as const)('has the options of a %s', (kind) => {
    const body = between(python, `class ${pascalCase(kind)}(_Participant):`, '# fmt: skip');
    const signature = body.slice(body.indexOf('def __init__('));
    const expected = optionsOf('python', 'channel', 'participant', kind);
    expect(sorted(matches(signature, /(\w+)=/g))).toEqual(sorted(expected));
    // And says what they are, in the list of the class or in that of publishers.
    const lists = matches(python, /^ {4}(\w+) {3,}\S/gm);
    expect(expected.filter((name) => !lists.includes(name))).toEqual([]);
  });

  test.each(choices.map((option) => [option.name, option] as const))(
    'has the values of %s',
    (name, option) => {
      const pattern = new RegExp(`_check_choice\\("${snakeCase(name)}", \\w+, \\(([^)]*)\\)\\)`);
      const [, list = ''] = pattern.exec(python) ?? [];
      // After a message is said by its number.
      expect(matches(list, /"([\w-]+)"/g)).toEqual(option.values?.filter((value) => value !== 'after'));
    },
  );
});

describe('Node', () => {
  test('has the errors', () => {
    const own = errors.filter((error) => isIn('node', error) && error.node === undefined);
    expect(sorted(textsOf(channel, 'ChannelErrorCode'))).toEqual(sorted(own.map(({ code }) => code)));
    const ofCore = errors.filter(({ node }) => node === 'MmfError').map(({ code }) => code);
    expect(textsOf(parsedSources('core'), 'MmfErrorCode')).toEqual(expect.arrayContaining(ofCore));
  });

  test('has the outcomes', () => {
    const publishing = outcomes.filter(({ of }) => of === 'publishing').map(({ name }) => name);
    expect(sorted(textsOf(channel, 'PublishOutcome'))).toEqual(sorted(publishing));
    const events = outcomesOf('node').flatMap((name) => /^event (\w+)$/.exec(name)?.[1] ?? []);
    expect(membersOf('SubscriberEvents')).toEqual(expect.arrayContaining(events));
  });

  test('has the options', () => {
    const ofChannel = [...membersOf('CommonChannelOptions'), ...membersOf('ChannelOptions')];
    expect(sorted(ofChannel)).toEqual(sorted(['name', ...optionsOf('node', 'channel')]));
    const ofJoining = [...membersOf('JoinLimits'), ...membersOf('JoinOptions')];
    expect(sorted(ofJoining)).toEqual(sorted(['signal', ...optionsOf('node', 'participant')]));
    expect(sorted(membersOf('PublisherOptions'))).toEqual(sorted(optionsOf('node', 'publisher')));
    expect(sorted(membersOf('SubscriberOptions'))).toEqual(sorted(optionsOf('node', 'subscriber')));
  });

  test.each([
    ['open', 'OpenMode'],
    ['scope', 'Scope'],
    ['start', 'Start'],
  ])('has the values of %s', (name, type) => {
    const option = options.find((one) => one.name === name);
    const values = option?.values?.filter((value) => value !== 'after');
    expect(sorted(textsOf(channel, type))).toEqual(sorted(values as string[]));
  });
});

describe('services', () => {
  const fieldsOf = (struct: string) => between(serviceHeader, `typedef struct ${struct} {`, `} ${struct};`);
  const required = ['struct_size', 'service', 'contract'];

  test.each([
    ['client', 'ClientOptions'],
    ['server', 'ServeOptions'],
    ['call', 'CallOptions'],
  ] as const)('have the options of a %s in Node, with their defaults', (of, type) => {
    const expected = serviceOptionsOf('node', of);
    const names = expected.map((option) => optionName('node', option));
    expect(sorted(membersOf(type, service))).toEqual(sorted(['signal', ...names]));
    const documented = interfaceOf(service, type).members.map((member) => {
      const text = member.getFullText().replaceAll(/\s*\n\s*\*?\s*/g, ' ');
      return [member.name?.getText(), / Defaults to ([^\s:]+?)[.:]?\s/.exec(text)?.[1]?.replace(',', '')];
    });
    const defaults = expected.map(
      ({ default: value }) => String(value === '' ? 'none' : value).split(' ')[0],
    );
    expect(Object.fromEntries(documented)).toEqual({
      signal: undefined,
      ...Object.fromEntries(names.map((name, index) => [name, defaults[index]])),
    });
  });

  test.each([
    ['client', 'mmfbus_client_options', required],
    ['server', 'mmfbus_server_options', [...required, 'handlers', 'handler_count']],
  ] as const)('have the options of a %s in C, with their defaults', (of, struct, own) => {
    const commentsOf = (body: string) =>
      new Map(
        [...body.matchAll(/(\w+); +\/\*([\s\S]*?)\*\//g)].map(([, name, comment = '']) => [name, comment]),
      );
    const expected = serviceOptionsOf('c', of);
    const names = expected.map((option) => optionName('c', option));
    expect(sorted(matches(withoutComments(fieldsOf(struct)), /(\w+);/g))).toEqual(sorted([...own, ...names]));
    const [comments, ofClients] = [struct, 'mmfbus_client_options'].map((name) => commentsOf(fieldsOf(name)));
    for (const [index, { default: value }] of expected.entries()) {
      const name = names[index]!;
      if (typeof value !== 'number' || value === 0) continue;
      const isAlike = comments!.get(name)?.startsWith(' as that of a client') === true;
      const [, documented] = /\b0 for (\d+)/.exec((isAlike ? ofClients : comments)!.get(name) ?? '') ?? [];
      expect([name, Number(documented)]).toEqual([name, name.endsWith('_us') ? value * 1000 : value]);
    }
  });

  test.each([
    ['client', 'ClientOptions', ['contract']],
    ['server', 'ServerOptions', ['contract']],
  ] as const)('have the options of a %s in Rust, with their defaults', (of, type, own) => {
    const expected = serviceOptionsOf('rust', of);
    const names = expected.map((option) => optionName('rust', option));
    const body = withoutComments(between(serviceRust, `pub struct ${type}<'a> {`, '\n}'));
    expect(sorted(matches(body, /pub (\w+):/g))).toEqual(sorted([...own, ...names]));
    const values = between(serviceRust, `) -> ${type}<'a> {\n        ${type} {`, '\n        }');
    const defaults = new Map([...values.matchAll(/(\w+): (.+),/g)].map(([, name, value]) => [name, value]));
    for (const [index, { default: value, unit }] of expected.entries()) {
      const name = names[index]!;
      const text = defaults.get(name) ?? '';
      const given = unit === 'milliseconds' ? millisecondsOfRust(text) : (JSON.parse(text) as unknown);
      expect([name, given]).toEqual([name, value]);
    }
  });

  test('have the errors', () => {
    const codes = serviceErrorsOf('node').filter((name) => name !== 'DeclaredError');
    expect(sorted(textsOf(service, 'ServiceErrorCode'))).toEqual(sorted(codes));
    expect(findExport(service, 'DeclaredError').declaration.kind).toBe(ts.SyntaxKind.ClassDeclaration);
    const statuses = enumOfC('mmfbus_status');
    expect(serviceErrorsOf('c').filter((name) => !statuses.includes(name))).toEqual([]);
    // Those that hold an error of channels, and the one that is of channels itself.
    const wrapped = ['OpenError::Segment', 'Failure::Client'];
    const variants = ['OpenError', 'Failure'].flatMap((type) =>
      enumOfRust(type, serviceRust).map((name) => `${type}::${name}`),
    );
    const named = serviceErrorsOf('rust').flatMap((names) => names.split(', '));
    expect(sorted([...named, ...wrapped])).toEqual(sorted([...variants, 'Error::InvalidArgument']));
  });
});

describe('versions', () => {
  const { version } = JSON.parse(nativeSource('package.json')) as { version: string };

  test('are those of the package', () => {
    expect(between(header, '#define MMFBUS_VERSION "', '"')).toBe(version);
    const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
    const number = between(header, '#define MMFBUS_VERSION_NUMBER ', '\n');
    expect(Number(number)).toBe(1_000_000 * major + 1000 * minor + patch);
    expect(between(rust, 'pub const VERSION: &str = "', '"')).toBe(version);
    expect(between(python, '__version__ = "', '"')).toBe(version);
    expect(between(nativeSource('pkgconfig', 'mmfbus.pc'), 'Version: ', '\n')).toBe(version);
  });
});

describe('API.md', () => {
  test('has a place for each table', () => {
    expect(() => withVocabularyTables('no marks')).toThrow('the document has no place for the options');
  });

  // `npx vitest run vocabulary -u` writes the tables anew.
  test('has the tables of the vocabulary', async () => {
    await expect(withVocabularyTables(readFileSync(apiDocument, 'utf8'))).toMatchFileSnapshot(apiDocument);
  });
});
