import { describe, expect, test } from 'vitest';
import { codeBlocks, outputPattern } from './code-blocks.js';

const MARKDOWN = `# Title

\`\`\`ts
console.log(1);
\`\`\`

It prints:

\`\`\`text
1
\`\`\`

\`\`\`ts no-run
fragment(
\`\`\`

\`\`\`js with-next
console.log(2);
\`\`\`

\`\`\`ts check-only
export {};
\`\`\`

\`\`\`sh
npm test
\`\`\`
`;

describe('code blocks of a Markdown text', () => {
  test('are those that can run', () => {
    expect(codeBlocks(MARKDOWN)).toEqual([
      { language: 'ts', code: 'console.log(1);\n', line: 4, runs: true, withNext: false, expected: '1\n' },
      {
        language: 'js',
        code: 'console.log(2);\n',
        line: 18,
        runs: true,
        withNext: true,
        expected: undefined,
      },
      { language: 'ts', code: 'export {};\n', line: 22, runs: false, withNext: false, expected: undefined },
    ]);
  });
});

describe('expected output', () => {
  test('is compared as it stands, with ... for anything', () => {
    expect('took 12 ms (cold)').toMatch(outputPattern('took ... ms (cold)\n'));
    expect('took 12 ms (warm)').not.toMatch(outputPattern('took ... ms (cold)\n'));
    expect('a.b').not.toMatch(outputPattern('a.b.c'));
    expect('axb').not.toMatch(outputPattern('a.b'));
  });
});
