import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { bytes, i64, nullable, oneOf, optional, string, struct, timestamp, u8 } from '@mmfbus/codec';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, expect, test } from 'vitest';
import { leave, station } from '../command/command-support.js';
import { type LivePage, startLivePage } from '../command/live-page.js';
import { openPage, startBrowser } from '../site/browser.js';
import { ownDirectory } from '../support/own-directory.js';
import { workspaceRoot } from '../support/workspace.js';
import { enter, leaveStage, startActor, until } from './stage.js';

const screenshots = join(workspaceRoot, '.cache', 'screenshots');
mkdirSync(screenshots, { recursive: true });

ownDirectory('page');

let browser: Browser | undefined;
const pages: LivePage[] = [];

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
  for (const page of pages.splice(0)) await page.close();
});

afterAll(() => browser?.close());

async function textOf(page: Page, selector: string): Promise<string> {
  const [first] = await page.locator(selector).allInnerTexts();
  return first ?? '';
}

test('the map shows who publishes, who subscribes, and who holds publishers back', async () => {
  const live = await start();
  await startActor('subscribe:sensors.hall:reliable:50:dashboard');
  await startActor('subscribe:flights:lossy:0:archive', 'subscribe:flights:reliable:0:delays');
  const source = await startActor('publish:sensors.hall:20000:gateway', 'publish:flights:500:airport');
  const { page, problems } = await enter(theBrowser(), live);

  await page.locator('.node.channel', { hasText: 'flights' }).waitFor();
  await until(page, `document.querySelectorAll('.node.process').length === 3`);
  await page
    .locator('[data-kind="holds"][data-edge="dashboard>sensors.hall"]')
    .waitFor({ state: 'attached' });
  await page.locator('.node.process.holds', { hasText: 'dashboard' }).waitFor();
  await page
    .locator('[data-kind="lossy"][data-edge^="archive>flights"], [data-kind="lossy"]')
    .first()
    .waitFor();
  expect(await page.locator('[data-kind="publisher"]').count()).toBe(2);
  expect(await page.locator('.node.process', { hasText: 'airport, gateway' }).innerHTML()).toContain(
    `pid ${source.pid} · page-actor.js`,
  );
  // The busier one has the wider line.
  await until(
    page,
    `(() => { const width = (name) => Number(document.querySelector('[data-kind="publisher"][data-edge$=">' + name + '"] path')?.getAttribute('stroke-width'));
      return width('flights') > 3; })()`,
  );
  // A box that has the focus shows what it is joined to.
  await page.locator('.node.channel', { hasText: 'flights' }).focus();
  await page.locator('.node.process.faded', { hasText: 'dashboard' }).waitFor();

  await page.keyboard.press('/');
  await page.keyboard.type('sensors');
  await until(page, `document.querySelectorAll('.node.channel').length === 1`);
  expect(page.url()).toBe(`${live.origin}/?q=sensors`);
  expect(problems).toEqual([]);
});

test('the map follows joins, and shows the dead with the proof of their death', async () => {
  const live = await start();
  const { page, problems } = await enter(theBrowser(), live);
  await page.getByText('There are no channels.').waitFor();

  await startActor('subscribe:flights:reliable:0:delays');
  await page.locator('.node.process', { hasText: 'delays' }).waitFor();
  const source = await startActor('publish:flights:100:airport');
  await page.locator('.node.process', { hasText: 'airport' }).waitFor();

  await source.stop();
  await page.locator('.node.process.dead', { hasText: 'airport' }).waitFor();
  expect(await textOf(page, '.gone')).toContain(
    `airport, publisher of flights, died: the kernel has closed the life line of process ${source.pid}.`,
  );
  await page.locator('[data-kind="dead"][data-edge="airport>flights"]').waitFor({ state: 'attached' });

  await leaveStage();
  await page.locator('.gone .left', { hasText: 'delays, subscriber of flights, left.' }).waitFor();
  expect(await page.locator('.node.process.dead').allTextContents()).toEqual([
    expect.stringContaining('airport'),
  ]);
  await page.screenshot({ path: join(screenshots, 'ui-death-light.png') });
  expect(problems).toEqual([]);
});

test('a C program alone on the bus is shown as well', async () => {
  const live = await start();
  const program = await station('weather');
  const { page, problems } = await enter(theBrowser(), live);
  const box = page.locator('.node.process');
  await box.waitFor();
  expect(await box.innerHTML()).toContain(`pid ${program.pid}`);
  await page.locator('.node.channel', { hasText: 'weather' }).click();
  await until(page, `document.querySelectorAll('.tail-row:not(.head)').length === 5`);
  expect(await page.locator('.tail-row.head span').allInnerTexts()).toHaveLength(2 + 3);
  await page.locator('.tail-row:not(.head)').first().click();
  await page.locator('.message', { hasText: 'Message 5' }).waitFor();
  expect(problems).toEqual([]);
  await leave(program);
});

/** Types the given letters into the field of the search when the address changes next: one at once, the others a frame later each. */
const TYPE_WHILE_THE_ADDRESS_CHANGES = `((letters) => {
  const replace = history.replaceState;
  history.replaceState = (...args) => {
    history.replaceState = replace;
    replace.apply(history, args);
    setTimeout(type, 0, [...letters]);
  };
  const type = ([letter, ...others]) => {
    const field = document.querySelector('[data-search]');
    field.value += letter;
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    if (others.length > 0) requestAnimationFrame(() => setTimeout(() => setTimeout(type, 0, others)));
  };
})`;

test('a channel is shown as a table that is filtered, paused and opened', async () => {
  const live = await start();
  const source = await startActor('publish:orders:40:strategy');
  const audit = await startActor('subscribe:orders:reliable:0:exchange');
  const { page, problems } = await enter(theBrowser(), live, { path: '/channel?name=orders' });

  await page.locator('.tail-row:not(.head)').first().waitFor();
  expect(await page.locator('.tail-row.head span').allInnerTexts()).toEqual(
    expect.arrayContaining(['Number', 'Time', 'side', 'symbol', 'price']),
  );
  expect(await textOf(page, '.code')).toContain("side: oneOf('buy', 'sell')");
  expect(await page.locator('.participants li').allInnerTexts()).toEqual([
    expect.stringMatching(new RegExp(`strategy[\\s\\S]*publishes[\\s\\S]*pid ${source.pid}`)),
    expect.stringMatching(new RegExp(`exchange[\\s\\S]*reliable[\\s\\S]*pid ${audit.pid}`)),
  ]);
  for (const title of ['Messages', 'Bytes', 'Latency', 'Lag']) {
    await page.locator('figure', { hasText: title }).locator('canvas').waitFor();
  }

  // Paused, nothing moves, and what is newer is counted.
  await page.keyboard.press('p');
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  const first = await textOf(page, '.tail-row .number');
  await until(
    page,
    `/Paused: [1-9][\\d,]* newer messages/.test(document.querySelector('.messages > .note').innerText)`,
  );
  expect(await textOf(page, '.tail-row .number')).toBe(first);
  await page.locator('.tail-row:not(.head)').first().click();
  expect(await textOf(page, '.message')).toMatch(/Message [\d,]+[\s\S]*by strategy[\s\S]*venue X/);
  await page.keyboard.press('p');
  await until(page, `Number(document.querySelector('.tail-row .number').innerText) > ${first}`);

  // The filter is a part of the address. Letters that are typed while that changes are not lost.
  await page.evaluate(`${TYPE_WHILE_THE_ADDRESS_CHANGES}('VD')`);
  await page.keyboard.press('/');
  await page.keyboard.type('N');
  await page.waitForURL('**/channel?name=orders&where=NVD');
  await page.keyboard.type('A');
  await page.waitForURL('**/channel?name=orders&where=NVDA');
  await until(
    page,
    `(() => { const rows = [...document.querySelectorAll('.tail-row:not(.head, .note-row)')];
      return rows.length > 3 && rows.every((row) => row.innerText.includes('NVDA')); })()`,
  );
  await until(page, `/[1-9]\\d* do not match/.test(document.querySelector('.messages > .note').innerText)`);
  await page.reload();
  await until(page, `document.querySelector('[data-search]')?.value === 'NVDA'`);
  await until(page, `document.querySelector('.tail-row:not(.head, .note-row)')?.innerText.includes('NVDA')`);

  // A condition, as `mmfbus sub --where` takes it; and one that makes no sense.
  await page.locator('[data-search]').fill("price > 184 and side == 'sell'");
  await until(
    page,
    `(() => { const rows = [...document.querySelectorAll('.tail-row:not(.head, .note-row)')].map((row) => row.innerText.split('\\n'));
      return rows.length > 3 && rows.every((row) => row.includes('sell') && Number(row[5]) > 184); })()`,
  );
  await page.locator('[data-search]').fill('price >');
  await page.locator('.banner', { hasText: 'The filter: ' }).waitFor();

  // Back and forth.
  await page.getByRole('link', { name: 'Channels' }).click();
  await page.getByRole('link', { name: 'orders' }).click();
  await page.waitForURL('**/channel?name=orders');
  await page.goBack();
  await page.waitForURL('**/channels');
  await page.getByRole('link', { name: 'orders' }).waitFor();
  expect(problems).toEqual([]);
});

test('a form made of the schema publishes a message', async () => {
  const live = await start('--write');
  const schema = struct({
    level: u8(),
    text: string({ maxLength: 20 }),
    kind: oneOf('info', 'alert'),
    at: timestamp(),
    id: i64(),
    note: optional(string()),
    raw: bytes(),
    who: nullable(string()),
  });
  const channel = defineChannel({ name: 'notices', schema, capacity: 65536 });
  const subscriber = await channel.subscriber();
  const { page, problems } = await enter(theBrowser(), live, { path: '/channel?name=notices' });
  const form = page.getByRole('form', { name: 'Publish a message' });
  await form.getByLabel('level').fill('7');
  await form.getByLabel('text').fill('<b>hot</b>');
  await form.getByLabel('kind').selectOption('alert');
  await form.getByLabel('at', { exact: false }).first().fill('2026-01-02T03:04:05.678Z');
  await form.getByLabel('id').fill('-9007199254740993');
  await form.getByLabel('raw').fill('yv4=');
  await form.getByRole('button', { name: 'Set note' }).click();
  await form.getByRole('textbox', { name: 'note' }).fill('seen');
  await form.getByRole('button', { name: 'Publish' }).click();
  await form.getByText('Published.').waitFor();
  for await (const { value } of subscriber) {
    expect(value).toEqual({
      level: 7,
      text: '<b>hot</b>',
      kind: 'alert',
      at: new Date('2026-01-02T03:04:05.678Z'),
      id: -9007199254740993n,
      note: 'seen',
      raw: new Uint8Array([0xca, 0xfe]),
      who: null,
    });
    break;
  }
  // The page itself takes no seat.
  await page.locator('.tail-row:not(.head)', { hasText: '<b>hot</b>' }).waitFor();
  // What does not fit is refused with the place.
  expect(problems).toEqual([]);
  await form.getByLabel('at', { exact: false }).first().fill('yesterday');
  await form.getByRole('button', { name: 'Publish' }).click();
  await form
    .locator('.bad-text')
    .filter({ hasText: /\bat\b/ })
    .waitFor();
  expect(problems.filter((problem) => !problem.includes('422'))).toEqual([]);
  await subscriber.close();
});

test('the page says that the server was killed, and goes on with the next one', async () => {
  const first = await start();
  await startActor('publish:flights:100:airport');
  const { page, context } = await enter(theBrowser(), first, { path: '/channel?name=flights' });
  await page.locator('.tail-row:not(.head)').first().waitFor();

  await first.program.stop();
  pages.splice(pages.indexOf(first), 1);
  await page.getByText('The server is gone since').waitFor();
  await page.locator('.status.lost').waitFor();
  // What it had is still there.
  expect(await page.locator('.tail-row:not(.head)').count()).toBeGreaterThan(0);

  const second = await start('--port', String(first.port));
  await page.locator('.banner', { hasText: 'No access' }).waitFor();
  const before = Number(await textOf(page, '.tail-row .number'));
  const other = await context.newPage();
  await other.goto(second.address);
  await other.locator('.status.live').waitFor();
  await page.locator('.status.live').waitFor();
  await until(page, `Number(document.querySelector('.tail-row .number').innerText) > ${before + 100}`);
  expect(await page.locator('.banner').count()).toBe(0);
});

test('the page says that the server stands still, and goes on when it does', async () => {
  const live = await start();
  const { page } = await enter(theBrowser(), live);
  live.program.kill('SIGSTOP');
  await page.locator('.status.lost').waitFor({ timeout: 60_000 });
  live.program.kill('SIGCONT');
  await page.locator('.status.live').waitFor({ timeout: 60_000 });
});

test('an address is good for one browser', async () => {
  const live = await start();
  const { page } = await openPage(theBrowser(), live.origin, 'light');
  await page.goto(live.address);
  await page.locator('.status.live').waitFor();
  // The token is gone from the address and the history.
  expect(page.url()).toBe(`${live.origin}/`);
  const { page: other } = await openPage(theBrowser(), live.origin, 'light');
  await other.goto(live.address);
  await other.getByText('No access: that address was opened before, or is not valid.').waitFor();
  await other.goto(`${live.origin}/channels#token=wrong`);
  await other.reload();
  await other.locator('.banner', { hasText: 'No access' }).waitFor();
  expect(await other.locator('.rows').count()).toBe(0);
});

test('another page cannot read from it, nor publish', async () => {
  const live = await start('--write');
  const { context } = await enter(theBrowser(), live);
  const foreign = await context.newPage();
  // Another port is another origin, to which browsers send the cookies of this one.
  const neighbour = await start();
  await foreign.goto(`${neighbour.origin}/nothing`);
  const outcome = await foreign.evaluate(
    `(async () => {
      const tries = [
        () => fetch('${live.origin}/api/hello', { credentials: 'include' }),
        () => fetch('${live.origin}/api/publish', { method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}' }).then(({ type }) => Promise.reject(type)),
      ];
      const answers = [];
      for (const one of tries) answers.push(await one().then(() => 'read', () => 'refused'));
      return answers;
    })()`,
  );
  expect(outcome).toEqual(['refused', 'refused']);
});

test.each(['light', 'dark'] as const)(
  'all views are readable in 400 pixels, and without an error: %s',
  async (scheme) => {
    const live = await start('--write');
    await startActor('publish:quotes.us:3000:feed', 'publish:orders:20:strategy');
    await startActor('subscribe:quotes.us:reliable:0:ticker', 'subscribe:orders:lossy:0:audit');
    const { page, problems } = await enter(theBrowser(), live, { scheme });
    const views = {
      map: ['/', '.node.channel'],
      list: ['/channels', '.row:not(.head)'],
      channel: ['/channel?name=orders', '.tail-row:not(.head)'],
    } as const;
    for (const width of [400, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      for (const [name, [path, seen]] of Object.entries(views)) {
        await page.goto(live.origin + path);
        await page.locator(seen).first().waitFor();
        // Two looks later the first rates are there.
        await until(page, `/[1-9][\\d.,k]*\\/s/.test(document.body.textContent)`);
        await page.screenshot({ path: join(screenshots, `ui-${name}-${width}-${scheme}.png`) });
        expect(await page.evaluate('document.documentElement.scrollWidth'), `${name} at ${width}`).toBe(
          width,
        );
      }
    }
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(scheme === 'light' ? 'rgb(244, 245, 247)' : 'rgb(14, 18, 23)');
    expect(problems).toEqual([]);
  },
);
