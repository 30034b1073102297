import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path/posix';
import type { MarkdownEnv, MarkdownRenderer, SiteConfig } from 'vitepress';
import { replacements } from './pages.js';

const EXTERNAL = /^(?:[a-z][a-z+.-]*:|\/|#)/i;

/** Where the repository shows its files. */
export const REPOSITORY = 'https://github.com/mmfbus/mmfbus';

interface Linked {
  readonly root: string;
  readonly config: Pick<SiteConfig, 'pages' | 'rewrites'>;
}

/** The address of what a link in a file of the repository leads to. */
function addressOf(href: string, file: string, { root, config }: Linked): string {
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/.exec(href) ?? [];
  const target = relative(root, join(dirname(file), decodeURIComponent(path)));
  const page = replacements[target] ?? target;
  if (config.pages.includes(page)) {
    return `/${(config.rewrites.map[page] ?? page).replace(/(?:^|(?<=\/))index\.md$/, '')}${rest}`;
  }
  const full = join(root, target);
  if (!existsSync(full)) throw new Error(`${relative(root, file)} links to ${href}, which does not exist`);
  return `${REPOSITORY}/${statSync(full).isDirectory() ? 'tree' : 'blob'}/main/${target}${rest}`;
}

/**
 * Has links between files of the repository lead to their pages, and to the repository where a file is no page. A link to a file
 * that does not exist fails the build.
 */
export function linksOfRepository(md: MarkdownRenderer, root: string): void {
  md.core.ruler.push('links-of-repository', (state) => {
    const env = state.env as MarkdownEnv;
    const file = env.realPath ?? env.path;
    const linked = {
      root,
      config: (globalThis as unknown as { VITEPRESS_CONFIG: SiteConfig }).VITEPRESS_CONFIG,
    };
    for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null;
      if (href !== null && href !== '' && !EXTERNAL.test(href))
        token.attrSet('href', addressOf(href, file, linked));
    }
  });
}
