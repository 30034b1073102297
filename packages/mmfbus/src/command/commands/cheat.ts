import { UsageError } from '@mmfbus/terminal';
import { type Command, type Context, defineCommand } from '../command.js';
import { suggestion } from '../spelling.js';

const options = {} as const;

/** Examples by topic: a comment, and a command line each. */
const TOPICS: Readonly<Record<string, readonly (readonly [what: string, line: string])[]>> = {
  look: [
    ['which channels there are', 'mmfbus ls'],
    ['the same, each second', "mmfbus ls 'sensor.*' --watch"],
    ['one channel: schema, participants, last message', 'mmfbus info prices'],
    ['rates of all channels', 'mmfbus hz --all'],
    ['what is wrong, and what to do', 'mmfbus doctor'],
  ],
  sub: [
    ['messages as they come', 'mmfbus sub prices'],
    ['what is in the ring still, then what comes', 'mmfbus sub prices --from earliest'],
    ['five messages that meet a condition', "mmfbus sub prices --where 'px > 180' -n 5"],
    ['two fields, with the time', 'mmfbus sub prices --field symbol --field px --time'],
    ['into a file for a spreadsheet', 'mmfbus sub prices --csv -n 1000 > prices.csv'],
    ['for another program', "mmfbus sub prices --json | jq -c '.value'"],
    ['wait for a channel that is not there yet', 'mmfbus sub prices --follow --from earliest'],
    ['miss nothing: publishers wait', 'mmfbus sub prices --reliable'],
  ],
  where: [
    ['comparisons', "mmfbus sub prices --where 'px >= 180 and px < 190'"],
    ['one of several', "mmfbus sub prices --where \"symbol in ['AAPL', 'MSFT']\""],
    ['a regular expression', 'mmfbus sub prices --where "symbol =~ \'^A\'"'],
    ['a part of a text or a list', 'mmfbus sub orders --where "tags contains \'rush\'"'],
    ['fields within', 'mmfbus sub flights --where "legs[0].from == \'LHR\'"'],
    ['what is not there', "mmfbus sub orders --where 'note != null'"],
    ['the number of the message', "mmfbus sub prices --where '$sequence > 1000'"],
  ],
  pub: [
    ['one message', 'mmfbus pub prices \'{"symbol": "AAPL", "px": 187.25}\''],
    ['ten a second, a hundred in all', 'mmfbus pub dice \'{"eyes": {{random 1 6}}}\' --rate 10 --count 100'],
    ['lines of JSON', 'mmfbus pub prices - < prices.jsonl'],
    ['a channel that does not exist, once a subscriber is there', "mmfbus pub test '1' --create --wait 1"],
  ],
  calls: [
    ['which services there are', 'mmfbus services'],
    ['one service: servers, methods, times, what runs', 'mmfbus services calc --watch'],
    ['one call', 'mmfbus call calc.add \'{"a": 1, "b": 2}\''],
    ['of every server, for at most half a second', 'mmfbus call calc.stats --all --timeout 500'],
    ['five values of a stream', 'mmfbus call calc.ticks \'{"sym": "AAPL"}\' -n 5'],
    ['a stream of inputs, one a line', 'seq 10 | mmfbus call calc.sum'],
    ['the answer for another program', 'mmfbus call calc.stats --json | jq .value'],
    ['the contract, as TypeScript to paste', 'mmfbus schema calc'],
    ['stubs for a program in C', 'mmfbus schema calc --c > calc.h'],
  ],
  measure: [
    ['messages a second', 'mmfbus hz prices --for 10'],
    ['bytes a second', 'mmfbus bw --all'],
    ['latency with its distribution', 'mmfbus delay prices'],
    ['what this machine can do', 'mmfbus bench'],
  ],
  schema: [
    ['what flows there, as TypeScript to paste', 'mmfbus schema prices'],
    ['for a program in C', 'mmfbus schema prices --c --name quote > quote.h'],
    ['for validators of other languages', 'mmfbus schema prices --json-schema'],
  ],
  scripts: [
    ['one JSON object a line, of every command', 'mmfbus ls --json'],
    ['channels without a subscriber', "mmfbus ls --json | jq -r 'select(.subscribers == 0) | .name'"],
    ['the exit status is 1 where there is a problem', 'mmfbus doctor || echo look'],
    ['completion in this shell', 'source <(mmfbus completion bash)'],
  ],
};

export const command: Command = defineCommand({
  name: 'cheat',
  summary: 'show examples by topic',
  usage: '[TOPIC]',
  wordCount: { least: 0, most: 1 },
  wordKind: Object.keys(TOPICS),
  help: `The topics are ${Object.keys(TOPICS).join(', ')}.`,
  options,
  run,
});

async function run({ values, words, out }: Context<typeof options>): Promise<number> {
  const [wanted] = words;
  if (wanted !== undefined && !Object.hasOwn(TOPICS, wanted)) {
    const topics = Object.keys(TOPICS);
    throw new UsageError(
      `there is no topic ${wanted}, only ${topics.join(', ')}${suggestion(wanted, topics)}`,
    );
  }
  const chosen = Object.entries(TOPICS).filter(([topic]) => wanted === undefined || topic === wanted);
  if (values.json === true) {
    for (const [topic, examples] of chosen) {
      for (const [what, line] of examples) await out.json({ topic, what, line });
    }
    return 0;
  }
  const parts = chosen.map(([topic, examples]) =>
    [
      out.style('bold', topic),
      ...examples.map(([what, line]) => `  ${out.style('dim', `# ${what}`)}\n  ${line}`),
    ].join('\n'),
  );
  await out.line(parts.join('\n\n'));
  return 0;
}
