import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { openPage, serve, startBrowser } from './browser.js';

const tool = (path: string) => join(workspaceRoot, 'node_modules', path);
const screenshots = join(workspaceRoot, '.cache', 'screenshots');
const site = temporaryFolder('site');
// Inside the workspace, so that it finds VitePress.
const withDeadLink = temporaryFolder('dead-link', join(workspaceRoot, 'test', '.cache'));
/** A build of all pages, and the reference before it. */
const WATCHDOG = 300_000;

function build(folder: string, ...args: string[]) {
  return startNode(tool('vitepress/bin/vitepress.js'), {
    args: ['build', folder, ...args],
    cwd: workspaceRoot,
    watchdog: WATCHDOG,
  });
}

/** What a tool said, without colours and without how far it is. */
function warningsIn(...outputs: string[]): string[] {
  return outputs
    .flatMap((output) => output.split('\n'))
    .filter((line) => /warn|deprecat|\(!\)|dead link|error/i.test(line));
}

/** The pages of the site, by their paths. */
function pagesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.html') && path !== '404.html')
    .map((path) => `/${path.replaceAll('\\', '/')}`);
}

let output: string[];

beforeAll(async () => {
  const reference = startNode(tool('typedoc/bin/typedoc'), {
    args: ['--options', 'typedoc.json'],
    cwd: workspaceRoot,
    watchdog: WATCHDOG,
    outlivesTest: true,
  });
  const { stdout, stderr } = await reference.exit();
  output = [stdout, stderr];
  const built = await build('docs', '--outDir', site).exit();
  expect(built.status, built.stderr).toBe(0);
  output.push(built.stdout, built.stderr);
}, 2 * WATCHDOG);

describe('the site', () => {
  test('is built here as npm run docs builds it', () => {
    const { scripts } = JSON.parse(readFileSync(join(workspaceRoot, 'package.json'), 'utf8'));
    expect(scripts.docs).toBe('npm run build && typedoc --options typedoc.json && vitepress build docs');
  });

  test('is built without a warning', () => {
    expect(warningsIn(...output)).toEqual([]);
  });

  test('has the documents, the reference and the READMEs of the packages', () => {
    expect(pagesOf(site)).toEqual(
      expect.arrayContaining([
        '/index.html',
        '/get-started.html',
        '/troubleshooting.html',
        '/packages/channel/FORMAT.html',
        '/packages/mmfbus/index.html',
        '/api/mmfbus/functions/defineChannel.html',
        '/api/mmfbus/core/classes/MemoryMappedFile.html',
      ]),
    );
  });

  // VitePress looks whether pages exist, not whether they have such a heading.
  test('has no link to a heading that does not exist', () => {
    const texts = new Map(pagesOf(site).map((page) => [page, readFileSync(join(site, page), 'utf8')]));
    const links = [...texts].flatMap(([page, text]) => {
      const main = /<main[\s\S]*<\/main>/.exec(text)?.[0] ?? '';
      return [...main.matchAll(/href="(\/[^"#]*)?#([^"]+)"/g)].map(([, path = page, id = '']) => {
        return { page, target: path.replace(/\/$/, '/index.html'), id: decodeURIComponent(id) };
      });
    });
    expect(links.length).toBeGreaterThan(100);
    const dead = links.filter(({ target, id }) => !texts.get(target)?.includes(`id="${id}"`));
    expect(dead).toEqual([]);
  });

  test.each([
    ['a document', './missing.md', /links to \.\/missing\.md, which does not exist/],
    ['a file', './missing.c', /links to \.\/missing\.c, which does not exist/],
    ['a page', '/missing', /dead link/i],
  ])('is not built with a link to %s that does not exist', async (_what, link, message) => {
    mkdirSync(join(withDeadLink, '.vitepress'), { recursive: true });
    writeFileSync(join(withDeadLink, 'index.md'), `# One page\n\n[a link](${link})\n`);
    const links = JSON.stringify(join(workspaceRoot, 'docs', '.vitepress', 'links.ts'));
    writeFileSync(
      join(withDeadLink, '.vitepress', 'config.mts'),
      `import { linksOfRepository } from ${links};
       export default { markdown: { config: (md) => linksOfRepository(md, ${JSON.stringify(withDeadLink)}) } };`,
    );
    const { status, stdout, stderr } = await build(withDeadLink).exit();
    expect(status).not.toBe(0);
    expect(stdout + stderr).toMatch(message);
  });
});

describe('in a browser', () => {
  let server: Server;
  let browser: Browser | undefined;
  let origin: string;

  beforeAll(async () => {
    mkdirSync(screenshots, { recursive: true });
    ({ server, origin } = await serve(site));
  });

  afterAll(async () => {
    await browser?.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test.each(['light', 'dark'] as const)('the front page and guides look right: %s', async (scheme) => {
    browser ??= await startBrowser();
    const { page, problems } = await openPage(browser, origin, scheme);
    const shoot = async (name: string) => {
      const path = join(screenshots, `${name}-${scheme}.png`);
      await page.screenshot({ path });
      expect(existsSync(path)).toBe(true);
    };

    await page.goto(`${origin}/`, { waitUntil: 'networkidle' });
    expect(await page.locator('.VPHero .name').textContent()).toContain('mmfbus');
    expect(await page.locator('.VPFeature').count()).toBe(6);
    await shoot('front-page');

    await page.getByRole('link', { name: 'Get started' }).first().click();
    await page.waitForURL('**/get-started.html');
    expect(await page.locator('main h1').textContent()).toContain('Get started');
    await shoot('get-started');

    await page.goto(`${origin}/concepts/delivery.html`, { waitUntil: 'networkidle' });
    const figure = page.locator('main img').first();
    expect(
      await figure.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    ).toBe(720);
    await shoot('delivery');

    await page.goto(`${origin}/backpressure.html`, { waitUntil: 'networkidle' });
    expect(await page.locator('main h2').allTextContents()).toEqual(
      expect.arrayContaining([expect.stringContaining('What a full ring does')]),
    );
    await shoot('backpressure');

    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(27, 27, 31)');
    expect(problems).toEqual([]);
  });

  test('the search finds a word, and leads to its page', async () => {
    browser ??= await startBrowser();
    const { page, problems } = await openPage(browser, origin, 'light');
    await page.goto(`${origin}/`, { waitUntil: 'networkidle' });
    await page.locator('#local-search button').click();
    await page.locator('input#localsearch-input').fill('OTHER_INCARNATION');
    const found = page.locator('#localsearch-list a');
    await found.first().waitFor();
    await page.screenshot({ path: join(screenshots, 'search-light.png') });
    await page.locator('#localsearch-list a[href*="troubleshooting"]').first().click();
    await page.waitForURL('**/troubleshooting.html*');
    expect(await page.locator('main h1').textContent()).toContain('Troubleshooting');
    expect(problems).toEqual([]);
  });
});
