import type { ServiceContract } from '@mmfbus/service';
import { printable, UsageError } from '@mmfbus/terminal';
import { noSuchChannel } from '../channels.js';
import { codeOf, type Language, serviceCodeOf } from '../code.js';
import { type Command, type Context, defineCommand } from '../command.js';
import { Failure } from '../failure.js';
import { noSuchService, ServiceLooks } from '../services/service-looks.js';

const options = {
  ts: { type: 'boolean', about: 'as TypeScript, which is what it does without an option' },
  'json-schema': { type: 'boolean', about: 'as JSON Schema (2020-12)' },
  c: {
    type: 'boolean',
    about: 'as a header for C, which includes mmfbus_shape.h; of a service mmfbus_service.h too',
  },
  rust: { type: 'boolean', about: 'as a module for Rust' },
  python: { type: 'boolean', about: 'as a module for Python' },
  text: { type: 'boolean', about: 'as it stands in the shared memory' },
  service: { type: 'boolean', about: 'the contract of a service, also where a channel has its name' },
  name: {
    type: 'string',
    value: 'NAME',
    about: 'what the type is called; the name of the channel or service unless given',
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
  summary: 'show the schema of a channel, or the contract of a service, as code',
  usage: 'NAME [--ts | --json-schema | --c | --rust | --python | --text]',
  wordCount: { least: 1, most: 1 },
  wordKind: 'channel or service',
  help: `The code has everything to join the channel by: what it defines has the schema that the channel has. Of a service its
contract is shown: as a definition in TypeScript, as stubs in other languages, or as text. Where a channel has the same name, say --service.

  mmfbus schema prices > prices.ts
  mmfbus schema calc > calc.ts
  mmfbus schema calc --c > calc.h
  mmfbus schema prices --c --name quote > quote.h`,
  options,
  run,
});

type SchemaContext = Context<typeof options>;

async function run(context: SchemaContext): Promise<number> {
  const { values, words, out, signal, openBus } = context;
  const [name = ''] = words;
  const language = languageOf(context);
  const bus = await openBus();
  const info = values.service === true ? undefined : await bus.inspect(name, { signal });
  if (info === undefined) {
    const contract = await contractOf(context, name);
    if (contract === undefined) {
      throw values.service === true
        ? await noSuchService(bus, name, signal)
        : await noSuchChannel(bus, name, signal);
    }
    await showContract(context, contract, language);
    return 0;
  }
  const { codec, schema = null } = info;
  if (values.json === true) await out.json({ name, codec, schema });
  else if (language === 'text' && schema !== null) await showCode(context, schema);
  else await showCode(context, codeOf(info, LANGUAGE_OF[language] ?? 'typescript', values.name));
  return 0;
}

function languageOf({ values }: SchemaContext): string {
  const chosen = [...Object.keys(LANGUAGE_OF), 'text'].filter(
    (language) => (values as Record<string, unknown>)[language] === true,
  );
  if (chosen.length > 1) {
    throw new UsageError(`${chosen.map((language) => `--${language}`).join(' and ')} exclude one another`);
  }
  return chosen[0] ?? 'ts';
}

/** The contract of the first server that has one; undefined where there is no such service. */
async function contractOf({ scope }: SchemaContext, name: string): Promise<ServiceContract | undefined> {
  if (scope === 'machine') return undefined;
  const looks = new ServiceLooks();
  if (looks.event(name) === undefined) return undefined;
  const servers = looks.stateOf(name)?.servers ?? [];
  const contract = servers.find((server) => server.contract !== undefined)?.contract;
  if (contract !== undefined) return contract;
  const why = servers[0]?.problem ?? 'no server of it runs';
  throw new Failure(`the contract of ${name} cannot be read: ${printable(why)}`);
}

async function showContract(
  context: SchemaContext,
  contract: ServiceContract,
  language: string,
): Promise<void> {
  const { values, out } = context;
  if (values.json === true) await out.json({ service: contract.name, contract: contract.text });
  else if (language === 'text') await showCode(context, contract.text);
  else await showCode(context, serviceCodeOf(contract, LANGUAGE_OF[language] ?? 'typescript', values.name));
}

/** A file gets the text as it is, a terminal nothing that it might obey. */
function showCode({ out }: SchemaContext, code: string): Promise<void> {
  return out.line(out.isTerminal ? code.split('\n').map(printable).join('\n') : code);
}
