import { printable, UsageError } from '@mmfbus/terminal';
import { channelOf } from '../channels.js';
import { codeOf, type Language } from '../code.js';
import { type Command, type Context, defineCommand } from '../command.js';

const options = {
  ts: { type: 'boolean', about: 'as TypeScript, which is what it does without an option' },
  'json-schema': { type: 'boolean', about: 'as JSON Schema (2020-12)' },
  c: { type: 'boolean', about: 'as a header for C, which includes mmfbus_shape.h' },
  rust: { type: 'boolean', about: 'as a module for Rust' },
  python: { type: 'boolean', about: 'as a module for Python' },
  text: { type: 'boolean', about: 'as it stands in the shared memory' },
  name: {
    type: 'string',
    value: 'NAME',
    about: 'what the type is called; the name of the channel unless given',
  },
} as const;

const LANGUAGE_OF: Readonly<Record<string, Language>> = {
  ts: 'typescript',
  'json-schema': 'json-schema',
  c: 'c',
  rust: 'rust',
  python: 'python',
};

export const command: Command = defineCommand({
  name: 'schema',
  summary: 'show the schema of a channel as code',
  usage: 'NAME [--ts | --json-schema | --c | --rust | --python | --text]',
  wordCount: { least: 1, most: 1 },
  wordKind: 'channel',
  help: `The code has everything to join the channel by: what it defines has the schema that the channel has.

  mmfbus schema prices > prices.ts
  mmfbus schema prices --c --name quote > quote.h`,
  options,
  run,
});

async function run({ values, words, out, signal, openBus }: Context<typeof options>): Promise<number> {
  const [name = ''] = words;
  const chosen = [...Object.keys(LANGUAGE_OF), 'text'].filter(
    (language) => (values as Record<string, unknown>)[language] === true,
  );
  if (chosen.length > 1) {
    throw new UsageError(`${chosen.map((language) => `--${language}`).join(' and ')} exclude one another`);
  }
  const [language = 'ts'] = chosen;
  const info = await channelOf(await openBus(), name, signal);
  const { codec, schema = null } = info;
  if (values.json === true) {
    await out.json({ name, codec, schema });
    return 0;
  }
  const code =
    language === 'text' && schema !== null
      ? schema
      : codeOf(info, LANGUAGE_OF[language] ?? 'typescript', values.name);
  // A file gets the text as it is, a terminal nothing that it might obey.
  await out.line(out.isTerminal ? code.split('\n').map(printable).join('\n') : code);
  return 0;
}
