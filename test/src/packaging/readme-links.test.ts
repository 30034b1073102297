// npm shows the README of a package without the repository around it, so its links must work from anywhere.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workspaceRoot } from '../support/workspace.js';

const REPOSITORY = 'https://github.com/mmfbus/mmfbus';
const packages = readdirSync(join(workspaceRoot, 'packages'));

/** Where the links and images of a Markdown text lead. */
function linksIn(markdown: string): string[] {
  const text = markdown.replace(/^(`{3,})[\s\S]*?^\1[ \t]*$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
}

/** The anchors of the headings of a Markdown text, as GitHub and npm make them. */
function anchorsIn(markdown: string): string[] {
  const headings = markdown.replace(/^(`{3,})[\s\S]*?^\1[ \t]*$/gm, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** What is wrong with a link in that README; undefined where it works. */
function problemOf(link: string, readme: string): string | undefined {
  const [address = '', anchor] = link.split('#');
  if (address === '')
    return anchorsIn(readme).includes(anchor ?? '') ? undefined : `${link}: no such heading`;
  if (!address.startsWith('https://')) return `${link}: not absolute`;
  if (!address.startsWith(REPOSITORY)) return undefined;
  const [, kind, path = ''] = /^\/(blob|tree)\/main\/(.+)$/.exec(address.slice(REPOSITORY.length)) ?? [];
  if (kind === undefined) return undefined;
  const target = join(workspaceRoot, path);
  if (!existsSync(target)) return `${link}: no such file`;
  const isFolder = statSync(target).isDirectory();
  if (isFolder !== (kind === 'tree')) return `${link}: ${kind} is wrong`;
  if (anchor === undefined) return undefined;
  if (isFolder) {
    const hasReadme = anchor === 'readme' && existsSync(join(target, 'README.md'));
    return hasReadme ? undefined : `${link}: no README there`;
  }
  return anchorsIn(readFileSync(target, 'utf8')).includes(anchor) ? undefined : `${link}: no such heading`;
}

describe.each(packages)('the README of packages/%s', (name) => {
  it('has links that work on npm', () => {
    const readme = readFileSync(join(workspaceRoot, 'packages', name, 'README.md'), 'utf8');
    const problems = linksIn(readme).map((link) => problemOf(link, readme));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });
});

it('finds links that do not work', () => {
  const readme = '# A\n\n## The end, at `last`\n';
  expect(linksIn('[a](b.md) `[c](d)` ![e](f.svg)\n```\n[g](h)\n```\n')).toEqual(['b.md', 'f.svg']);
  const links = [
    '#the-end-at-last',
    '#none',
    'b.md',
    `${REPOSITORY}/blob/main/none`,
    `${REPOSITORY}/blob/main/docs`,
  ];
  expect(links.map((link) => problemOf(link, readme)?.replace(/^.*: /, ''))).toEqual([
    undefined,
    'no such heading',
    'not absolute',
    'no such file',
    'blob is wrong',
  ]);
});
