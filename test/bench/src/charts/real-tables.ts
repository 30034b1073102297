import type { Results } from '../results.js';
import { formatRate } from './formats.js';
import { against, withTable } from './table.js';

/** What `--only real` gave with one Node. */
export interface RealResults extends Results {
  /** Its major version. */
  readonly node: number;
}

/** Messages as programs have them: their names in the results, and in the table. */
const MESSAGES: readonly (readonly [string, string])[] = [
  ['quote', 'a quote: six fields, 54 bytes'],
  ['order book', 'an order book: 2 × 8 levels of two numbers'],
  ['log record', 'a log record: eight fields, six of them texts, 300 bytes'],
  ['blob', 'a KiB of bytes with two small fields'],
];

/**
 * Puts the table of messages as programs have them between its two marks in a Markdown text.
 *
 * @throws when the text has no such place.
 */
export function withRealMessages(markdown: string, { results }: Results): string {
  const lines = MESSAGES.flatMap(([name, label]) => {
    const rateOf = (peer: string) => results[`real, ${name}: ${peer}`]?.median;
    const rival = rateOf('Unix socket, gathered');
    const [schema, noSchema] = [rateOf('mmfbus'), rateOf('mmfbus, no shape')];
    if (rival === undefined || schema === undefined || noSchema === undefined) return [];
    const cells = [schema, noSchema].map((rate) => against(formatRate(rate), rate / rival));
    return [`| ${[label, ...cells, formatRate(rival)].join(' | ')} |`];
  });
  return withTable(markdown, 'real messages', [
    '| messages a second, one way | mmfbus, with a schema | mmfbus, without | Unix socket, gathered |',
    '| --- | --: | --: | --: |',
    ...lines,
  ]);
}

/**
 * Puts the goals for messages as programs have them, by Node, between their two marks in a Markdown text.
 *
 * @throws when the text has no such place.
 */
export function withRealGoals(markdown: string, runs: readonly RealResults[]): string {
  const titles = [...new Set(runs.flatMap(({ goals }) => goals.map(({ title }) => title)))];
  const lines = titles.map((title) => {
    const outcomes = runs.map(({ goals }) => goals.find((goal) => goal.title === title));
    const limits = (part: 'goal' | 'least') =>
      [...new Set(outcomes.flatMap((outcome) => outcome?.[part] ?? []))].join(', ');
    const measured = outcomes.map((outcome) => {
      if (outcome === undefined) return '–';
      return outcome.reached === 'missed' ? `**${outcome.measured}**` : outcome.measured;
    });
    return `| ${[title, ...measured, limits('goal'), limits('least')].join(' | ')} |`;
  });
  return withTable(markdown, 'goals of real messages', [
    `| | ${runs.map(({ node }) => `Node ${node}`).join(' | ')} | goal | at least |`,
    `| --- | ${runs.map(() => '--:').join(' | ')} | --: | --: |`,
    ...lines,
  ]);
}
