import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { GenerateError } from './errors.js';
import { generate } from './generate.js';
import { generateService } from './generate-service.js';
import { loadContract, loadShape } from './load-export.js';
import { LANGUAGES, type Language } from './target.js';

const HELP = `Writes C, Rust, Python or TypeScript code from a shape of @mmfbus/codec, or from a service of @mmfbus/service.

  mmfbus-generate --language c --shape ./dist/channel.js#quote --name quote --out quote.h
  mmfbus-generate --language c --service ./dist/calc.js#calc --out calc.h

  --language <name>   c, rust, python or typescript
  --shape <place>     a JavaScript module, and its export that is a shape, a codec of one or a channel with one
  --service <place>   a JavaScript module, and its export that is a service or the contract of one
  --name <name>       what the type or the service is called; defaults to the name of the export
  --layout <layout>   map or array: how structs of a shape are written; defaults to that of the codec or channel, else map
  --out <file>        where to write it; defaults to the standard output
  --check             write nothing; fail when <file> is not what would be written
  --help              this text

The status is 0 when all is well, 1 when the module, the export or the file is not what it should be, 2 for wrong arguments.
`;

const OPTIONS = {
  language: { type: 'string' },
  shape: { type: 'string' },
  service: { type: 'string' },
  name: { type: 'string' },
  layout: { type: 'string' },
  out: { type: 'string' },
  check: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/** Where a command writes what it has to say. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

/**
 * Does what `mmfbus-generate` with these arguments does.
 *
 * @returns the status to end with: 0, 1 or 2.
 */
export async function runCommand(args: readonly string[], streams: Streams): Promise<number> {
  try {
    return await run(args, streams);
  } catch (error) {
    if (!(error instanceof GenerateError)) throw error;
    const more = error.code === 'USAGE' ? '; see --help' : '';
    streams.error(`mmfbus-generate: ${error.message}${more}\n`);
    return error.code === 'USAGE' ? 2 : 1;
  }
}

async function run(args: readonly string[], { out, error }: Streams): Promise<number> {
  const options = parse(args);
  if (options.help) {
    out(HELP);
    return 0;
  }
  const language = required('language', options.language);
  if (!isLanguage(language)) {
    throw new GenerateError('USAGE', `--language is ${LANGUAGES.join(', ')}, not ${language}`);
  }
  const { layout } = options;
  if (layout !== undefined && layout !== 'map' && layout !== 'array') {
    throw new GenerateError('USAGE', `--layout is map or array, not ${layout}`);
  }
  const place = placeOf(options);
  if (options.check) required('out', options.out);
  const text =
    options.service === undefined
      ? await shapeText(place, language, options.name, layout)
      : await serviceText(place, language, options.name);
  if (options.out === undefined) out(text);
  else if (!options.check) write(options.out, text);
  else if (read(options.out) !== text) {
    error(`mmfbus-generate: ${options.out} is not what ${place} gives now; generate it again\n`);
    return 1;
  }
  return 0;
}

function placeOf({ layout, service, shape }: Options): string {
  if (service === undefined) return required('shape', shape, ' or --service');
  if (shape !== undefined) throw new GenerateError('USAGE', '--shape and --service exclude one another');
  if (layout !== undefined)
    throw new GenerateError('USAGE', '--layout is of shapes: services have no other than map');
  return service;
}

async function shapeText(
  place: string,
  language: Language,
  name: string | undefined,
  layout: 'map' | 'array' | undefined,
): Promise<string> {
  const loaded = await loadShape(place);
  return generate(loaded.shape, { language, name: name ?? loaded.name, layout: layout ?? loaded.layout });
}

async function serviceText(place: string, language: Language, name: string | undefined): Promise<string> {
  const loaded = await loadContract(place);
  return generateService(loaded.contract, { language, name: name ?? loaded.name });
}

type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function parse(args: readonly string[]): Options {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new GenerateError('USAGE', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function required(name: string, value: string | undefined, or: string = ''): string {
  if (value === undefined) throw new GenerateError('USAGE', `--${name}${or} is missing`);
  return value;
}

function isLanguage(name: string): name is Language {
  return (LANGUAGES as readonly string[]).includes(name);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new GenerateError('MODULE', `${path} cannot be written: ${String(error)}`, { cause: error });
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
