import type { Bus } from '@mmfbus/channel';
import { UsageError } from '@mmfbus/terminal';
import { servicesIn } from '../channels.js';
import { type Command, type Context, commonOptions, defineCommand, type Options } from '../command.js';
import { ServiceLooks } from '../services/service-looks.js';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_mmfbus() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(mmfbus completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _mmfbus mmfbus`,
  zsh: `#compdef mmfbus
_mmfbus() {
  local -a found
  found=("\${(@f)$(mmfbus completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _mmfbus mmfbus`,
  fish: `complete -c mmfbus -f -a '(mmfbus completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

const SHELLS = Object.keys(SCRIPTS);

const options = {} as const;

export const command: Command = defineCommand({
  name: 'completion',
  summary: 'print what completes commands and names of channels, services and methods in a shell',
  usage: SHELLS.join(' | '),
  wordCount: { least: 1, most: Number.POSITIVE_INFINITY },
  wordKind: SHELLS,
  help: `It needs mmfbus on the search path, as npm install --global mmfbus puts it there.

  source <(mmfbus completion bash)                                  # in ~/.bashrc
  source <(mmfbus completion zsh)                                   # in ~/.zshrc, behind compinit
  mmfbus completion fish > ~/.config/fish/completions/mmfbus.fish`,
  options,
  run,
});

async function run(context: Context<typeof options>): Promise<number> {
  const { words, out, values } = context;
  const [shell = '', ...rest] = words;
  if (shell === 'words') {
    for (const word of await candidates(context, rest)) await out.line(word);
    return 0;
  }
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined || rest.length > 0) {
    throw new UsageError(`the shell is ${SHELLS.join(', ')}, not ${JSON.stringify(words.join(' '))}`);
  }
  if (values.json === true) await out.json({ shell, script });
  else await out.line(script);
  return 0;
}

/** What the last of the words may become. */
async function candidates(
  { openBus, allCommands, signal }: Context,
  words: readonly string[],
): Promise<readonly string[]> {
  const all = await allCommands();
  const begun = words.at(-1) ?? '';
  const starts = (word: string) => word.startsWith(begun);
  if (words.length <= 1) return [...all.map(({ name }) => name), '--help', '--version'].filter(starts);
  const command = all.find(({ name }) => name === words[0]);
  if (command === undefined) return [];
  const known: Options = { ...command.options, ...commonOptions, help: { type: 'boolean', about: '' } };
  if (begun.startsWith('-'))
    return Object.keys(known)
      .map((name) => `--${name}`)
      .filter(starts);
  const before = optionOf(known, words.at(-2) ?? '');
  if (before?.type === 'string') return (before.words ?? []).filter(starts);
  const { wordKind = [] } = command;
  return (typeof wordKind === 'string' ? await namesOf(wordKind, await openBus(), signal) : wordKind).filter(
    starts,
  );
}

/** What there is of that kind. */
async function namesOf(
  kind: Extract<NonNullable<Command['wordKind']>, string>,
  bus: Bus,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const listed = await bus.list({ signal });
  const services = servicesIn(listed);
  const channels = listed.filter(({ service }) => service === undefined).map(({ name }) => name);
  switch (kind) {
    case 'channel':
      return channels;
    case 'service':
      return services;
    case 'channel or service':
      return [...channels, ...services];
    case 'method': {
      const looks = new ServiceLooks();
      return services.flatMap(
        (name) => looks.event(name)?.methods.map((method) => `${name}.${method.name}`) ?? [],
      );
    }
  }
}

function optionOf(known: Options, word: string): Options[string] | undefined {
  if (word.startsWith('--')) return Object.hasOwn(known, word.slice(2)) ? known[word.slice(2)] : undefined;
  return /^-\w$/.test(word) ? Object.values(known).find(({ short }) => short === word.slice(1)) : undefined;
}
