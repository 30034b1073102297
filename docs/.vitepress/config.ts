import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { linksOfRepository, REPOSITORY } from './links.js';
import { rewrites, srcExclude } from './pages.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What typedoc wrote before: `npm run docs` does both. */
const reference = fileURLToPath(new URL('../api/typedoc-sidebar.json', import.meta.url));
if (!existsSync(reference)) throw new Error('the reference is not there: build the site by "npm run docs"');

/** Three frames of a ring. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="#0969da"><rect x="2" y="8" width="8" height="16" rx="2"/><rect x="12" y="8" width="8" height="16" rx="2"/></g><rect x="22" y="8" width="8" height="16" rx="2" fill="#bc4c00"/></svg>`;

function page(text: string, link: string): DefaultTheme.SidebarItem {
  return { text, link };
}

export default defineConfig({
  title: 'mmfbus',
  description: 'Typed messaging between the processes of one machine through named shared memory',
  lang: 'en-GB',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  srcDir: root,
  srcExclude: [...srcExclude],
  rewrites: { ...rewrites },
  outDir: `${root}.cache/site`,
  cacheDir: `${root}.cache/vitepress`,
  cleanUrls: false,
  // The same bytes for the same sources.
  lastUpdated: false,
  markdown: {
    config: (md) => {
      linksOfRepository(md, root.replace(/\/$/, ''));
      // Code is text to Vue as well, also where it holds `{{`.
      const inline = md.renderer.rules.code_inline;
      md.renderer.rules.code_inline = (...args) => inline?.(...args).replace(/^<code/, '<code v-pre') ?? '';
    },
  },
  // The page of the format is a large one.
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    outline: [2, 3],
    nav: [
      page('Get started', '/get-started'),
      page('Guides', '/backpressure'),
      page('Reference', '/api/'),
      page('Comparison', '/comparison'),
    ] as DefaultTheme.NavItem[],
    sidebar: [
      {
        text: 'Learn',
        items: [
          page('Get started', '/get-started'),
          page('Channels', '/concepts/channel'),
          page('Sequence numbers', '/concepts/sequence'),
          page('Delivery', '/concepts/delivery'),
          page('History', '/concepts/history'),
          page('Recovery', '/concepts/recovery'),
          page('Shapes', '/shapes'),
          page('Examples', '/examples/'),
        ],
      },
      {
        text: 'Guides',
        items: [
          page('Calls', '/calls'),
          page('More than one machine', '/bridge'),
          page('The command', '/command'),
          page('Backpressure', '/backpressure'),
          page('Large messages', '/large-messages'),
          page('Native programs', '/native'),
          page('Containers', '/containers'),
          page('Several users', '/users'),
          page('Runtimes', '/runtimes'),
          page('The live page', '/live-page'),
          page('Windows', '/windows'),
          page('Bundling', '/bundling'),
          page('Testing', '/testing'),
          page('Troubleshooting', '/troubleshooting'),
        ],
      },
      {
        text: 'Background',
        items: [
          page('Reliability', '/reliability'),
          page('Performance', '/performance'),
          page('Comparison', '/comparison'),
          page('Contributing', '/contributing'),
        ],
      },
      {
        text: 'Packages',
        items: [
          page('mmfbus', '/packages/mmfbus/'),
          page('@mmfbus/channel', '/packages/channel/'),
          page('@mmfbus/service', '/packages/service/'),
          page('@mmfbus/nats', '/packages/nats/'),
          page('@mmfbus/codec', '/packages/codec/'),
          page('@mmfbus/core', '/packages/core/'),
          page('@mmfbus/native', '/packages/native/'),
          page('@mmfbus/generate', '/packages/generate/'),
        ],
      },
      {
        text: 'Formats',
        items: [
          page('One vocabulary', '/packages/channel/API'),
          page('The format of a channel', '/packages/channel/FORMAT'),
          page('Names and bytes', '/names'),
          page('The winmmf API', '/winmmf'),
          page('Conformance kit', '/conformance'),
        ],
      },
      {
        text: 'Reference',
        collapsed: true,
        items: JSON.parse(readFileSync(reference, 'utf8')) as DefaultTheme.SidebarItem[],
      },
    ],
  },
});
