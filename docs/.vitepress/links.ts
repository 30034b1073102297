import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path/posix';
import type { MarkdownEnv, MarkdownRenderer, SiteConfig } from 'vitepress';
import { replacements } from './pages.js';

const EXTERNAL = /^(?:[a-z][a-z+.-]*:|\/|#)/i;

/** Where the repository shows its files. */
export const REPOSITORY = 'https://github.com/mmfbus/mmfbus';

/** A link to a file in the repository, as READMEs have it that are shown outside of it too. */
const TO_REPOSITORY = new RegExp(`^${REPOSITORY}/(?:blob|tree)/main/([^?#]*)(.*)$`);

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

/** The link as it would be within the repository, where it leads there. */
function withinRepository(href: string, file: string, root: string): string {
  const [, path, rest] = TO_REPOSITORY.exec(href) ?? [];
  if (path === undefined) return href;
  const [target, anchor] = rest === '#readme' ? [`${path}/README.md`, ''] : [path, rest];
  return `${relative(dirname(file), join(root, target))}${anchor}`;
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
      const written = token.type === 'link_open' ? token.attrGet('href') : null;
      if (written === null || written === '') continue;
      const href = withinRepository(written, file, root);
      if (!EXTERNAL.test(href)) token.attrSet('href', addressOf(href, file, linked));
    }
  });
}
