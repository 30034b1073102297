import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { f64, string, struct } from '@mmfbus/codec';
import { defineService, method } from '@mmfbus/service';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, expect, test } from 'vitest';
import { type LivePage, startLivePage } from '../command/live-page.js';
import { compile } from '../compat/native.js';
import { calcPeer } from '../generated/calc-peer.js';
import { startBrowser } from '../site/browser.js';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';
import { enter, leaveStage, startActor, until } from './stage.js';

const screenshots = join(workspaceRoot, '.cache', 'screenshots');
mkdirSync(screenshots, { recursive: true });

ownDirectory('page-services');

let browser: Browser | undefined;
const pages: LivePage[] = [];
const closing: (() => Promise<unknown>)[] = [];

async function start(...args: readonly string[]): Promise<LivePage> {
  browser ??= await startBrowser();
  const page = await startLivePage(args);
  pages.push(page);
  return page;
}

const theBrowser = () => browser as Browser;

afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  await leaveStage();
  for (const close of closing.splice(0)) await close();
  for (const page of pages.splice(0)) await page.close();
});

afterAll(() => browser?.close());

/** The cells of the row of a table that begins with this text. */
async function cellsOf(page: Page, name: string): Promise<string[]> {
  return page
    .locator('.grid tbody tr', { has: page.locator('th', { hasText: name }) })
    .locator('td')
    .allInnerTexts();
}

test('the map shows who calls, who serves, and the death of a server', async () => {
  const live = await start();
  const { page, problems } = await enter(theBrowser(), live);
  const server = await startActor('serve:booking:1:desk-1', 'publish:booking:10:same-name');
  await startActor('call:booking:100:shop');
  await page.locator('a.node.service', { hasText: 'booking' }).waitFor();
  await page.locator('a.node.channel', { hasText: 'booking' }).waitFor();
  await page.locator('[data-kind="client"][data-edge="shop>booking"]').waitFor({ state: 'attached' });
  await page.locator('[data-kind="server"][data-edge="desk-1>booking"]').waitFor({ state: 'attached' });
  await until(page, `/[1-9][\\d.]*\\/s · [1-9]/.test(document.querySelector('a.node.service').textContent)`);
  await page.getByText('1 channel · 1 service').waitFor();
  await page.locator('a.node.service').focus();
  expect(await page.locator('.node.channel.faded').count()).toBe(1);

  await server.stop();
  await page.locator('.node.process.dead', { hasText: 'desk-1' }).first().waitFor();
  await page
    .locator('.gone li', {
      hasText: `desk-1, server of booking, died: the kernel has closed the life line`,
    })
    .waitFor();
  await page.locator('.gone a', { hasText: 'booking' }).first().waitFor();
  expect(problems).toEqual([]);
});

test('a service is shown with its servers, methods, times, and the calls as a waterfall', async () => {
  const live = await start();
  const one = await startActor('serve:booking:1:desk-1');
  await startActor('serve:booking:1:desk-2');
  const shop = await startActor('call:booking:60:shop');
  await startActor('follow:booking:board');
  const { page, problems } = await enter(theBrowser(), live, { path: '/services' });

  // From the list to the service, and back.
  await until(page, `/[1-9][\\d.]*\\/s/.test(document.querySelector('.grid tbody tr')?.innerText)`);
  await page.keyboard.press('/');
  await page.keyboard.type('desk-2');
  await page.waitForURL('**/services?q=desk-2');
  await page.getByRole('link', { name: 'booking' }).click();
  await page.waitForURL('**/service?name=booking');

  await page.locator('.participants li.server', { hasText: 'desk-1' }).waitFor();
  const texts = await page.locator('.participants li').allInnerTexts();
  expect(texts.toSorted()).toEqual([
    expect.stringMatching(/^board[\s\S]*pid \d+/),
    expect.stringMatching(new RegExp(`^desk-1[\\s\\S]*serving[\\s\\S]*pid ${one.pid}[\\s\\S]*p99`)),
    expect.stringMatching(/^desk-2[\s\S]*serving/),
    expect.stringMatching(new RegExp(`^shop[\\s\\S]*pid ${shop.pid}`)),
  ]);
  expect(await page.locator('.code').textContent()).toContain("defineService({\n  name: 'booking',");
  for (const title of ['Calls', 'Times', 'Errors', 'Open']) {
    await page.locator('figure', { hasText: title }).locator('canvas').waitFor();
  }
  // Half of the calls of `book` is slower than 1 ms; each tenth of all is for too many seats.
  await until(
    page,
    `(() => { const row = [...document.querySelectorAll('.grid tbody tr')].find((one) => one.innerText.startsWith('book'));
      const [rate, running, calls, errors, , p50, p99] = [...row.querySelectorAll('td')].map((cell) => cell.innerText);
      return parseFloat(rate) > 0 && Number(calls) > 20 && Number(errors) > 0 && / ms$/.test(p50) && / ms$/.test(p99); })()`,
  );
  expect(await page.locator('.grid tbody tr', { hasText: 'book' }).textContent()).toContain('SOLD_OUT');
  expect((await cellsOf(page, 'delays'))[1]).toBe('1');
  const waterfall = page.locator('.waterfall');
  await waterfall.locator('li.running', { hasText: 'delays' }).waitFor();
  await waterfall.locator('li.failed', { hasText: 'book' }).first().waitFor();
  await waterfall.locator('li.answered', { hasText: 'price' }).first().waitFor();

  // Paused, the bars stay.
  await page.keyboard.press('p');
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  const bars = await waterfall.locator('li').allInnerTexts();
  const calls = (await cellsOf(page, 'price'))[2];
  await until(
    page,
    `[...document.querySelectorAll('.grid tbody tr')].find((one) => one.innerText.startsWith('price')).querySelectorAll('td')[2].innerText !== ${JSON.stringify(calls)}`,
  );
  expect(await waterfall.locator('li').allInnerTexts()).toEqual(bars);
  // Read-only: there is no form.
  expect(await page.getByRole('form').count()).toBe(0);
  expect(problems).toEqual([]);
});

test('with --write a form makes one call', async () => {
  const live = await start('--write');
  await startActor('serve:booking:0:desk-1');
  const { page, problems } = await enter(theBrowser(), live, { path: '/service?name=booking' });
  const method = page.getByRole('combobox', { name: 'method' });
  const form = page.getByRole('form', { name: 'Call a method' });
  await method.selectOption('price');
  await form.getByLabel('from').fill('JFK');
  await form.getByLabel('to string').fill('LIS');
  await form.getByLabel('seats').fill('2');
  await form.getByRole('button', { name: 'Call' }).click();
  await form.getByText('Answered.').waitFor();
  expect(await form.locator('.answer').textContent()).toMatch(/amount\s*241[\s\S]*currency\s*USD/);

  await method.selectOption('book');
  await form.getByLabel('flight').fill('<b>LH</b>');
  await form.getByLabel('seats').fill('9');
  await form.getByRole('button', { name: 'Call' }).click();
  await form.locator('.bad-text', { hasText: 'SOLD_OUT' }).waitFor();
  expect(await form.locator('.answer').textContent()).toMatch(/left\s*8/);

  await method.selectOption('delays');
  await form.getByRole('textbox').fill('LH401');
  await form.getByRole('button', { name: 'Call' }).click();
  await form.getByText('The first 50 values.').waitFor();
  expect(await form.locator('.answer > details').count()).toBe(50);

  await method.selectOption('total');
  await form.getByRole('button', { name: '+ item' }).click();
  await form.getByRole('button', { name: '+ item' }).click();
  await form.getByRole('spinbutton', { name: '0 f64' }).fill('1.5');
  await form.getByRole('spinbutton', { name: '1 f64' }).fill('40.5');
  await form.getByRole('button', { name: 'Call' }).click();
  await form.getByText('Answered.').waitFor();
  expect(await form.locator('.answer').textContent()).toContain('42');

  await method.selectOption('note');
  await form.getByRole('textbox').fill('hello');
  await form.getByRole('button', { name: 'Call' }).click();
  await form.getByText('Sent.').waitFor();
  await until(
    page,
    `[...document.querySelectorAll('.grid tbody tr')].find((one) => one.innerText.startsWith('note')).querySelectorAll('td')[2].innerText === '1'`,
  );
  expect(problems).toEqual([]);
});

test('a server in C is shown and called as any other', async () => {
  const live = await start('--write');
  const server = startNode('serve', { runtime: [calcPeer(compile, ['-O0'])], args: ['calc'] });
  closing.push(async () => {
    server.endInput();
    await server.success();
  });
  await server.waitForLine(/^ready$/);
  const { page, problems } = await enter(theBrowser(), live, { path: '/service?name=calc' });
  const shown = page.locator('.participants li.server');
  await shown.waitFor();
  expect(await shown.allInnerTexts()).toEqual([
    expect.stringMatching(new RegExp(`^c\\b[\\s\\S]*serving[\\s\\S]*pid ${server.pid}`)),
  ]);
  expect(await page.locator('.code').textContent()).toContain("defineService({\n  name: 'calc',");

  const method = page.getByRole('combobox', { name: 'method' });
  const form = page.getByRole('form', { name: 'Call a method' });
  await method.selectOption('add');
  for (const [a, text] of [
    ['1', 'Answered.'],
    ['101', 'OVERFLOW'],
  ] as const) {
    await form.getByRole('spinbutton', { name: 'a f64' }).fill(a);
    await form.getByRole('spinbutton', { name: 'b f64' }).fill('2');
    await form.getByRole('button', { name: 'Call' }).click();
    await form.getByText(text).waitFor();
  }
  expect(await form.locator('.answer').textContent()).toMatch(/limit\s*100/);
  await method.selectOption('ticks');
  await form.getByLabel('symbol').fill('A');
  await form.getByLabel('count').fill('3');
  await form.getByRole('button', { name: 'Call' }).click();
  await form.getByText('The stream has ended after 3 values.').waitFor();

  // Calls and errors.
  await until(
    page,
    `(() => { const row = [...document.querySelectorAll('.grid tbody tr')].find((one) => one.innerText.startsWith('add'));
      const [, , calls, errors] = [...row.querySelectorAll('td')].map((cell) => cell.innerText);
      return calls === '2' && errors === '1'; })()`,
  );
  const waterfall = page.locator('.waterfall');
  await waterfall.locator('li.answered', { hasText: 'add' }).waitFor();
  await waterfall.locator('li.failed', { hasText: 'add' }).waitFor();
  await waterfall.locator('li.answered', { hasText: 'ticks' }).waitFor();
  expect(problems).toEqual([]);
});

test('without --write the server refuses a call, and without a session a look', async () => {
  const live = await start();
  await startActor('serve:booking:0:desk-1');
  const { page } = await enter(theBrowser(), live);
  const statuses = await page.evaluate(
    `Promise.all([
      fetch('/api/call', { method: 'POST', body: '{"service":"booking","method":"note","input":"x"}' }),
      fetch('/api/events?service=booking', { credentials: 'omit' }),
    ]).then((answers) => answers.map(({ status }) => status))`,
  );
  expect(statuses).toEqual([403, 401]);
});

test('hostile names, contracts and answers are shown as text', async () => {
  const script = '<img src=x onerror="window.hacked=1">\u001b[2J\u202e';
  const service = defineService({
    name: 'evil',
    methods: {
      echo: method({
        input: struct({ [script]: string() }),
        output: struct({ [script]: string() }),
        errors: { BAD: struct({ [script]: f64() }) },
      }),
    },
  });
  const server = await service.serve({ echo: (input) => input as never }, { name: script });
  closing.push(() => server.close());
  const client = await service.client({ name: script });
  closing.push(() => client.$close());
  const live = await start('--write');
  const { page, problems } = await enter(theBrowser(), live);
  await page.locator('.node.process', { hasText: '<img src=x' }).first().waitFor();
  await page.locator('a.node.service').click();
  await page.locator('.participants li.client', { hasText: '<img src=x' }).waitFor();
  await page.locator('.code', { hasText: '<img src=x' }).waitFor();
  const form = page.getByRole('form', { name: 'Call a method' });
  await form.getByRole('textbox').fill(script);
  await form.getByRole('button', { name: 'Call' }).click();
  await form.getByText('Answered.').waitFor();
  await form.locator('.answer', { hasText: '<img src=x' }).waitFor();
  await page.locator('.waterfall li', { hasText: 'echo' }).waitFor();
  expect(await page.evaluate('window.hacked')).toBeUndefined();
  expect(await page.locator('img, iframe, script:not([src])').count()).toBe(0);
  expect(await page.evaluate('/[\\u0000-\\u0008\\u000b-\\u001f\\u202e]/.test(document.body.innerText)')).toBe(
    false,
  );

  for (const name of ['__proto__', '../../etc/passwd', script, 'x'.repeat(5000)]) {
    await page.goto(`${live.origin}/service?name=${encodeURIComponent(name)}`);
    await page.locator('.banner, .chip.bad').first().waitFor();
  }
  expect(await page.evaluate('window.hacked')).toBeUndefined();
  expect(problems).toEqual([]);
});

test.each(['light', 'dark'] as const)(
  'the views of services are readable in 400 pixels: %s',
  async (scheme) => {
    const live = await start('--write');
    await startActor('serve:booking:4:desk-1', 'publish:orders:20:strategy');
    await startActor('serve:booking:4:desk-2');
    await startActor('call:booking:50:shop', 'follow:booking:shop', 'subscribe:orders:lossy:0:audit');
    const { page, problems } = await enter(theBrowser(), live, { scheme });
    const views = {
      map: ['/', 'a.node.service'],
      list: ['/services', '.grid tbody tr'],
      service: ['/service?name=booking', '.waterfall li'],
    } as const;
    for (const width of [400, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      for (const [name, [path, seen]] of Object.entries(views)) {
        await page.goto(live.origin + path);
        await page.locator(seen).first().waitFor();
        await until(page, `/(?<![.\\d])[1-9][\\d.,k]*\\/s/.test(document.querySelector('main').textContent)`);
        await page.screenshot({ path: join(screenshots, `ui-services-${name}-${width}-${scheme}.png`) });
        expect(await page.evaluate('document.documentElement.scrollWidth'), `${name} at ${width}`).toBe(
          width,
        );
      }
    }
    expect(problems).toEqual([]);
  },
);
