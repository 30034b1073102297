import { type Channel, defineChannel } from '@mmfbus/channel';
import { json, struct, u8 } from '@mmfbus/codec';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, expect, test } from 'vitest';
import { type LivePage, startLivePage } from '../command/live-page.js';
import { startBrowser } from '../site/browser.js';
import { ownDirectory } from '../support/own-directory.js';
import { enter, leaveStage, startActor, until } from './stage.js';

const SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const TERMINAL = '\u001b[31mred\u0007\u0000\u202eevil\ud800';

ownDirectory('hostile-page');

let browser: Browser | undefined;
let live: LivePage | undefined;
const closing: (() => Promise<unknown>)[] = [];

async function start(path: string): Promise<{ page: Page; problems: string[] }> {
  browser ??= await startBrowser();
  live = await startLivePage(['--write']);
  return enter(browser, live, { path });
}

async function publisherOf<T>(channel: Channel<T>, name: string) {
  const publisher = await channel.publisher({ name });
  closing.push(() => publisher.close());
  return publisher;
}

afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  await leaveStage();
  for (const close of closing.splice(0)) await close();
  await live?.close();
});

afterAll(() => browser?.close());

async function expectHarmless(page: Page, problems: readonly string[]): Promise<void> {
  expect(await page.evaluate('window.hacked')).toBeUndefined();
  expect(await page.locator('img, iframe, script:not([src])').count()).toBe(0);
  expect(await page.evaluate('/[\\u0000-\\u0008\\u000b-\\u001f\\u202e]/.test(document.body.innerText)')).toBe(
    false,
  );
  expect(problems).toEqual([]);
}

test('hostile values are shown as text', async () => {
  const channel = defineChannel<unknown>({ name: 'anything', codec: json(), capacity: 2 ** 24 });
  const publisher = await publisherOf(channel, '<b>me</b>\u001b[2J');
  const { page, problems } = await start('/channel?name=anything');
  let nested: unknown = 'core';
  for (let level = 0; level < 200; level++) nested = { [SCRIPT]: nested };
  const values: readonly unknown[] = [
    SCRIPT,
    { [SCRIPT]: SCRIPT, constructor: 1 },
    { text: TERMINAL },
    { long: 'x'.repeat(1_000_000) },
    nested,
    { many: Array.from({ length: 50_000 }, (_, index) => index) },
    Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`key${index}`, index])),
  ];
  await page.locator('.participants li', { hasText: '<b>me</b>\\u{1b}[2J' }).waitFor();
  for (const value of values) await publisher.publish(value);
  await until(
    page,
    `document.querySelectorAll('.tail-row:not(.head, .note-row)').length === ${values.length}`,
  );

  const opened: string[] = [];
  for (let index = 0; index < values.length; index++) {
    await page.locator('.tail-row:not(.head)').nth(index).click();
    opened.push((await page.locator('.message').textContent()) ?? '');
  }
  expect(opened).toEqual([
    expect.stringContaining('and 4,900 more'),
    expect.stringContaining('50,000 items'),
    expect.stringContaining(SCRIPT),
    expect.stringContaining('1,000,000 characters, the first 2,000 are shown'),
    expect.stringContaining('\\u001b[31mred\\u0007\\u0000\\u202eevil'),
    expect.stringContaining(SCRIPT),
    expect.stringContaining(SCRIPT),
  ]);
  // What is longer than the page takes is told by its number.
  await publisher.publish('y'.repeat(2 ** 21));
  await page.locator('.ledger li', { hasText: /8.*2097154 bytes, more than the page takes/ }).waitFor();
  await expectHarmless(page, problems);
});

test('hostile names of fields, processes and channels are shown as text', async () => {
  const fields = { [SCRIPT]: u8(), [TERMINAL.slice(0, -1)]: u8(), 'a b': u8(), constructor: u8() };
  const channel = defineChannel({ name: 'constructor', schema: struct(fields), capacity: 65536 });
  const publisher = await publisherOf(channel, '"><svg onload=window.hacked=1>');
  await startActor('subscribe:flights:lossy:0:<script>window.hacked=1</script>');
  const { page, problems } = await start('/');
  await page.locator('.node.process', { hasText: '"><svg' }).waitFor();
  await page.locator('.node.process', { hasText: '<script>' }).waitFor();
  await expectHarmless(page, problems);

  await page.locator('.node.channel', { hasText: 'constructor' }).click();
  await page.locator('.code', { hasText: '<img src=x onerror' }).waitFor();
  await publisher.publish(
    Object.fromEntries(Object.keys(fields).map((name, index) => [name, index])) as never,
  );
  await page.locator('.tail-row:not(.head)').first().click();
  await page.locator('.message', { hasText: SCRIPT }).waitFor();
  await page.getByRole('form').getByText('\\u001b[31mred').first().waitFor();
  await expectHarmless(page, problems);
});

test.each([
  ['what objects have', '__proto__'],
  ['a path', '../../etc/passwd'],
  ['HTML', SCRIPT],
  ['a long text', 'x'.repeat(5000)],
])('an address that names a channel by %s breaks nothing', async (_what, name) => {
  const { page, problems } = await start(`/channel?name=${encodeURIComponent(name)}`);
  await page.locator('.banner, .chip.bad').first().waitFor();
  await expectHarmless(page, problems);
});

test('2,000 channels stay a short list, and a flood stays a slow table', async () => {
  const channels = Array.from({ length: 2000 }, (_, index) => {
    return defineChannel({
      name: `many.${String(index).padStart(4, '0')}`,
      schema: struct({ n: u8() }),
      capacity: 4096,
    });
  });
  for (const channel of channels) await publisherOf(channel, '');
  await startActor('publish:flights:100000:flood');
  const { page, problems } = await start('/channels?sort=name');
  await page.getByText('2,001 channels').waitFor({ timeout: 60_000 });
  expect(await page.locator('.row').count()).toBeLessThan(60);
  await page.locator('.rows').focus();
  await page.keyboard.press('End');
  await page.locator('.row.selected', { hasText: 'many.1999' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('many.1234');
  await page.locator('.row:not(.head)', { hasText: 'many.1234' }).waitFor();
  await until(page, `document.querySelectorAll('.row').length === 2`);
  // Forty are drawn, and the page says so.
  await page.getByRole('link', { name: 'Map', exact: true }).click();
  await page.getByText('the 1961 quietest are not drawn').waitFor();
  expect(await page.locator('.node.channel').count()).toBe(40);

  await page.locator('.node.channel', { hasText: 'flights' }).click();
  await page.locator('.note-row', { hasText: 'left out' }).first().waitFor();
  expect(await page.locator('.tail-row').count()).toBeLessThan(80);
  await page.keyboard.press('p');
  await page.getByText('Paused').waitFor();
  expect(problems).toEqual([]);
});
