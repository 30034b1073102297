#!/usr/bin/env node
// Takes the screenshots of docs/live-page.md, of a bus of its own with real processes: npm run docs:screenshots
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { commandOf } from '../support/tools.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const images = join(root, 'docs', 'images');
const directory = mkdtempSync(join(tmpdir(), 'mmfbus-screenshots-'));
const env = { ...process.env, MMFBUS_DIRECTORY: directory };
const children: ChildProcess[] = [];

/** Seconds for which the charts run before they are taken. */
const CHART_SECONDS = 20;

/** Who is on the stage, each line a process; see `programs/page-actor.ts`. */
const STAGE = [
  ['subscribe:flights:reliable:0:delays', 'subscribe:flights:lossy:0:archive'],
  ['subscribe:flights:reliable:0:distances', 'subscribe:quotes.us:lossy:2:ticker'],
  ['publish:flights:4000:airport'],
  ['publish:quotes.us:9000:feed-us', 'publish:quotes.eu:900:feed-eu'],
  [
    'subscribe:quotes.us:reliable:0:strategy',
    'subscribe:quotes.eu:reliable:0:strategy',
    'publish:orders:5:strategy',
  ],
  ['subscribe:orders:reliable:0:exchange', 'subscribe:orders:lossy:0:audit'],
  ['subscribe:sensors.hall:reliable:30:dashboard'],
  ['publish:sensors.hall:1500:gateway'],
  ['serve:booking:4:desk-1'],
  ['serve:booking:5:desk-2'],
  ['call:booking:45:shop', 'follow:booking:departures'],
  ['call:booking:15:agency'],
];

/** Starts a program, and waits for its first line. */
async function start(file: string, args: readonly string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [join(root, file), ...args], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  return { child, line };
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(images, `${name}.png`) });
  console.log(`docs/images/${name}.png`);
}

try {
  mkdirSync(images, { recursive: true });
  for (const parts of STAGE) await start('test/dist/programs/page-actor.js', parts);
  const { line } = await start('packages/mmfbus/bin/mmfbus.js', ['ui', '--json', '--write']);
  const { address } = JSON.parse(line) as { address: string };
  const { origin } = new URL(address);
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath: commandOf('Chromium'), args });
  try {
    const viewport = { width: 1280, height: 620 };
    const first = await browser.newContext({ viewport });
    const page = await first.newPage();
    await page.goto(address);
    await page.locator('[data-kind="holds"]').waitFor({ state: 'attached' });
    await page.waitForTimeout(3000);
    await take(page, 'live-page-map');

    const dark = { colorScheme: 'dark', storageState: await first.storageState() } as const;
    const second = await browser.newContext({ ...dark, viewport: { width: 1280, height: 880 } });
    const channel = await second.newPage();
    await channel.goto(`${origin}/channel?name=orders`);
    await channel.waitForTimeout(CHART_SECONDS * 1000);
    await channel.locator('.tail-row:not(.head)').nth(1).click();
    await channel.waitForTimeout(500);
    await take(channel, 'live-page-channel');

    await channel.setViewportSize({ width: 1280, height: 1000 });
    await channel.goto(`${origin}/service?name=booking`);
    await channel.waitForTimeout(CHART_SECONDS * 1000);
    await take(channel, 'live-page-service');

    await channel.setViewportSize({ width: 1280, height: 400 });
    await channel.goto(`${origin}/channels`);
    await channel.waitForTimeout(3000);
    await take(channel, 'live-page-list');

    const feed = children[3];
    feed?.kill('SIGKILL');
    await page.locator('.node.process.dead').waitFor();
    await page.setViewportSize({ width: 1280, height: 740 });
    await page.waitForTimeout(1500);
    await take(page, 'live-page-death');
  } finally {
    await browser.close();
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
