/** A fenced block of program text in a Markdown file. */
export interface CodeBlock {
  readonly language: 'ts' | 'js';
  readonly code: string;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  /** False with `check-only`: it is type-checked and not run. */
  readonly runs: boolean;
  /** With `with-next`: it runs at the same time as the block after it, which knows what they print, one after the other. */
  readonly withNext: boolean;
  /** What it must print: the `text` block that follows, if one follows. `...` in it stands for anything. */
  readonly expected: string | undefined;
}

/** Any fenced block in a Markdown file. */
export interface Fence {
  /** The words behind its opening fence, its language first. */
  readonly info: readonly string[];
  readonly body: string;
  /** The line of the first line of its body, from 1. */
  readonly line: number;
}

/** The fenced blocks of a Markdown text, in their order. */
export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  const pattern = /^(`{3,})([^`\n]*)\n([\s\S]*?)^\1[ \t]*$/gm;
  for (const match of markdown.matchAll(pattern)) {
    const [, , info = '', body = ''] = match;
    const line = markdown.slice(0, match.index).split('\n').length + 1;
    fences.push({ info: info.trim().split(/\s+/), body, line });
  }
  return fences;
}

/** The `ts` and `js` blocks of a Markdown text, without those marked `no-run`. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const fences = fencesOf(markdown);
  return fences.flatMap(({ info, body, line }, index) => {
    const [language] = info;
    if ((language !== 'ts' && language !== 'js') || info.includes('no-run')) return [];
    const next = fences[index + 1];
    const expected = next?.info[0] === 'text' ? next.body : undefined;
    const [runs, withNext] = [!info.includes('check-only'), info.includes('with-next')];
    return [{ language, code: body, line, runs, withNext, expected }];
  });
}

/** A pattern for the whole of what a block must print. */
export function outputPattern(expected: string): RegExp {
  const parts = expected.trim().split('...');
  const literal = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('[\\s\\S]*')}$`);
}
