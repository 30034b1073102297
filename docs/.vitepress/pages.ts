/**
 * The Markdown files of the repository that are pages of the site, and where. Files keep their places, so that links work on
 * GitHub; the site has shorter addresses.
 */
export const rewrites: Readonly<Record<string, string>> = {
  'docs/:path(.*)': ':path',
  'packages/:name/README.md': 'packages/:name/index.md',
  'examples/README.md': 'examples/index.md',
  'examples/:path(.*)/README.md': 'examples/:path/index.md',
  'test/src/conformance/README.md': 'conformance.md',
  'CONTRIBUTING.md': 'contributing.md',
};

/** What is no page, or is shown in its place by another one. */
export const srcExclude: readonly string[] = [
  '**/node_modules/**',
  '**/dist/**',
  '**/.cache/**',
  '.*/**',
  'docs/.vitepress/**',
  'README.md',
  'packages/*/api/**',
  'packages/*/CHANGELOG.md',
];

/** What links lead to instead of files that are no pages. */
export const replacements: Readonly<Record<string, string>> = { 'README.md': 'docs/index.md' };
