import type { Results } from '../results.js';

const BEGIN = '<!-- goals: npm run bench:charts writes this table -->';
const END = '<!-- end of goals -->';

function tableOf({ goals }: Results): string {
  const lines = goals.map(
    ({ title, measured, goal, least }) => `| ${title} | ${measured} | ${goal} | ${least} |`,
  );
  return ['| | measured | goal | at least |', '| --- | --: | --: | --: |', ...lines].join('\n');
}

/**
 * Puts the table of goals between its two marks in a Markdown text.
 *
 * @throws when the text has no such place.
 */
export function withGoals(markdown: string, results: Results): string {
  const [from, to] = [markdown.indexOf(BEGIN), markdown.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`there is no ${BEGIN} before ${END}`);
  return `${markdown.slice(0, from)}${BEGIN}\n\n${tableOf(results)}\n\n${markdown.slice(to)}`;
}
