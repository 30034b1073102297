import * as calls from './call-layout.js';
import { EXTENSION_UNIT, FRAME_ALIGNMENT } from './frame-layout.js';
import type { FieldType, Layout } from './layout.js';
import { layouts } from './layouts.js';
import * as limits from './limits.js';
import { END_BITS, MAX_GENERATION, MAX_PARTICIPANTS, SLOT_BITS } from './participant-layout.js';

/** A constant of a native source: an offset or a size in bytes, a value of a field, or a limit. */
interface Constant {
  readonly name: string;
  readonly value: number;
  /** Type of the field whose value it is; undefined for offsets and sizes. */
  readonly type: FieldType | undefined;
}

/** Constants that belong together. */
interface Group {
  readonly title: string;
  readonly constants: readonly Constant[];
}

const BEGIN = 'generated from the layouts of @mmfbus/channel';
const END = 'end of what is generated';

function upperSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, '_$&').toUpperCase();
}

function groupOf([prefix, { title, fields, length }]: readonly [string, Layout]): Group {
  const constants: Constant[] = [];
  for (const { name, type, offset, length: size, values } of fields) {
    if (name === 'spare') continue;
    const own = `${prefix}_${upperSnakeCase(name)}`;
    constants.push({ name: own, value: offset, type: undefined });
    if (type.startsWith('u8[')) constants.push({ name: `${own}_SIZE`, value: size, type: undefined });
    for (const [valueName, [value]] of Object.entries(values))
      constants.push({ name: valueName, value, type });
  }
  return { title, constants: [...constants, { name: `${prefix}_SIZE`, value: length, type: undefined }] };
}

/** All constants of the format. No two have the same name. */
function allGroups(): readonly Group[] {
  const all = {
    FRAME_ALIGNMENT,
    EXTENSION_UNIT,
    END_BITS,
    SLOT_BITS,
    MAX_PARTICIPANTS,
    MAX_GENERATION,
    CELL_STATE_BITS: calls.CELL_STATE_BITS,
    CELLS: calls.CELLS,
    METHODS: calls.METHODS,
    RECENT_CALLS: calls.RECENT_CALLS,
    TIME_BUCKETS: calls.TIME_BUCKETS,
    TIME_UNIT_BITS: calls.TIME_UNIT_BITS,
    STREAM_WINDOW: calls.STREAM_WINDOW,
    ...limits,
  };
  const ofLimits = Object.entries(all).map(([name, value]) => ({ name, value, type: 'u32' as const }));
  const groups = [...Object.entries(layouts).map(groupOf), { title: 'Limits', constants: ofLimits }];
  const names = groups.flatMap(({ constants }) => constants.map(({ name }) => name));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two constants of the format have the name ${twice}`);
  return groups;
}

/** What Python's `struct` calls a field. */
function structCode(name: string, type: FieldType): string {
  const codes: Partial<Record<FieldType, string>> = { u8: 'B', u16: 'H', u32: 'I', u64: 'Q', i64: 'q' };
  return codes[type] ?? `${type.replace(/\D*8\[(\d+)\]/, '$1')}${name === 'spare' ? 'x' : 's'}`;
}

function blockOfC(): string {
  const groups = allGroups().map(({ title, constants }) => {
    const lines = constants.map(({ name, value }) => `    MMFBUS__${name} = ${value}`);
    return `    /* ${title}. */\n${lines.join(',\n')}`;
  });
  // One for all: compilers warn of arithmetic between two of them.
  return `enum {\n${groups.join(',\n\n')}\n};`;
}

function blockOfRust(): string {
  const groups = allGroups().map(({ title, constants }) => {
    const lines = constants.map(
      ({ name, value, type }) => `    pub const ${name}: ${type ?? 'usize'} = ${value};`,
    );
    return `    // ${title}.\n${lines.join('\n')}`;
  });
  return `#[allow(dead_code)]\nmod layout {\n${groups.join('\n\n')}\n}`;
}

function blockOfPython(): string {
  const groups = allGroups().map(({ title, constants }) => {
    const lines = constants.map(({ name, value }) => `_${name} = ${value}`);
    return `# ${title}.\n${lines.join('\n')}`;
  });
  const structs = Object.entries(layouts).map(([prefix, { fields }]) => {
    const codes = fields.map(({ name, type }) => structCode(name, type));
    return `_${prefix} = struct.Struct("<${codes.join('')}")`;
  });
  return [...groups, `# The regions as a whole.\n${structs.join('\n')}`].join('\n\n');
}

interface Language {
  block(): string;
  comment(text: string): string;
}

const LANGUAGES: Readonly<Record<'c' | 'rust' | 'python', Language>> = {
  c: { block: blockOfC, comment: (text: string) => `/* ${text} */` },
  rust: { block: blockOfRust, comment: (text: string) => `// ${text}` },
  python: { block: blockOfPython, comment: (text: string) => `# ${text}` },
};

/** The native source with its block of constants made anew from the layouts. */
export function withNativeConstants(language: keyof typeof LANGUAGES, source: string): string {
  const { block, comment } = LANGUAGES[language];
  const begin = `${comment(BEGIN)}\n`;
  const from = source.indexOf(begin);
  const to = source.indexOf(comment(END), from);
  if (from < 0 || to < 0) throw new Error('the source has no place for the constants of the layouts');
  return `${source.slice(0, from)}${begin}${block()}\n${source.slice(to)}`;
}
