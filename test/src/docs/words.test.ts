import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { trackedFiles } from '../support/tracked-files.js';
import { workspaceRoot } from '../support/workspace.js';
import { TERMS } from './terms.js';

/** What is read: documents, sources with their comments and error texts, and what other texts are generated from. */
const READ = /\.(?:md|ts|mts|mjs|js|vue|c|cpp|h|hpp|rs|py|sh|html)$|\/vocabulary\.json$|^\.ci\/run$/;

/** What may use the phrasings: the list of them, its tests, and what was released. */
const EXCLUDED: readonly RegExp[] = [
  /^test\/src\/docs\/(?:terms|words\.test|old-words\.test)\.ts$/,
  /^packages\/[^/]+\/CHANGELOG\.md$/,
];

/** Where a text uses such a phrasing, and what to write instead. */
function findings(text: string, file: string): string[] {
  return TERMS.flatMap(({ not, but, pattern }) =>
    [...text.matchAll(new RegExp(pattern, `g${pattern.flags}`))].map((match) => {
      const line = text.slice(0, match.index).split('\n').length;
      return `${file}:${line}: "${match[0]}" (${not}). Write: ${but}`;
    }),
  );
}

describe('the phrasings to avoid', () => {
  test.each(TERMS)('are found: $not', ({ not, but, example }) => {
    const found = findings(`\n${example}`, 'a.md');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^a\.md:2: "/);
    expect(found[0]).toContain(`(${not}). Write: ${but}`);
  });

  test.each([
    'No other process sees it, and each participant that sleeps is woken.',
    "case 'everyone':",
    'A user who may write the file is a member of the group.',
    'The mark, or undefined where there is none.',
    'SYNCHRONIZE | UNINITIALIZED',
    'A handle of the living process; close it.',
    'It has parts: take the first part.',
  ])('are not found in %j', (text) => {
    expect(findings(text, 'a.md')).toEqual([]);
  });

  test('are used nowhere', () => {
    const files = trackedFiles().filter(
      (file) => READ.test(file) && !EXCLUDED.some((excluded) => excluded.test(file)),
    );
    for (const kind of ['README.md', 'packages/channel/vocabulary.json', 'packages/native/include/mmfbus.h'])
      expect(files).toContain(kind);
    expect(files.flatMap((file) => findings(readFileSync(join(workspaceRoot, file), 'utf8'), file))).toEqual(
      [],
    );
  });
});
