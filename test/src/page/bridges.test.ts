import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { string, struct } from '@mmfbus/codec';
import { expect, test } from 'vitest';
import { start } from '../command/command-support.js';
import { startLivePage } from '../command/live-page.js';
import { NatsServer } from '../nats/nats-server.js';
import { startBrowser } from '../site/browser.js';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { enter } from './stage.js';

const screenshots = join(workspaceRoot, '.cache', 'screenshots');
mkdirSync(screenshots, { recursive: true });

ownDirectory('page-bridges');
const folder = temporaryFolder('page-bridges');

test('bridges show what they carry, and whether they are connected', async () => {
  const browser = await startBrowser();
  const server = await NatsServer.start();
  const orders = await defineChannel({ name: 'orders', schema: struct({ text: string() }) }).publisher();
  const file = join(folder, 'bridge.json');
  writeFileSync(file, JSON.stringify({ routes: [{ export: '*', to: 'desk.>' }], name: '<desk>' }));
  const bridge = start(['bridge', server.url, '--config', file, '--json']);
  await bridge.waitForLine(/"event":"open"/);
  const live = await startLivePage([]);
  try {
    await orders.publish({ text: 'short' });
    await orders.publish({ text: 'x'.repeat(2 ** 20) });
    const { page, problems } = await enter(browser, live);
    await page.keyboard.press('c');
    await page.locator('.bridges summary', { hasText: 'Bridge <desk>' }).click();
    const row = page.getByRole('region', { name: 'Bridge <desk>' }).locator('tbody tr');
    await row.filter({ hasText: 'export orders' }).waitFor();
    await expect
      .poll(() => row.locator('td').allInnerTexts(), { timeout: 60_000 })
      .toEqual(['desk.orders', '1', '0', '0', '1']);
    await page.screenshot({ path: join(screenshots, 'ui-bridges-light.png') });
    server.kill('SIGKILL');
    await page.locator('.bridges .chip.bad', { hasText: 'not connected' }).waitFor();
    await page.locator('.bridges', { hasText: 'connection lost 1 time' }).waitFor();
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
    await live.close();
    bridge.kill('SIGINT');
    await bridge.exit();
    await orders.close();
  }
});
