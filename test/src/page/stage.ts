import type { Browser, BrowserContext, Page } from 'playwright-core';
import { vi } from 'vitest';
import type { LivePage } from '../command/live-page.js';
import { openPage } from '../site/browser.js';
import { type Program, startProgram } from '../support/spawn.js';

/** A process that publishes and subscribes, see `programs/page-actor.ts`; it has joined when this resolves. */
export async function startActor(...parts: readonly string[]): Promise<Program> {
  const program = startProgram('page-actor', { args: parts, watchdog: 120_000 });
  actors.push(program);
  await program.waitForLine(/^ready$/);
  return program;
}

const actors: Program[] = [];

/** Has all of them leave, and waits for their ends. */
export async function leaveStage(): Promise<void> {
  const programs = actors.splice(0);
  for (const program of programs) program.endInput();
  await Promise.all(programs.map((program) => program.exit()));
}

/** A page that was let in by the address that the server printed, with all that went wrong in it. */
export async function enter(
  browser: Browser,
  live: LivePage,
  { scheme = 'light', path = '/' }: { scheme?: 'light' | 'dark'; path?: string } = {},
): Promise<{ page: Page; context: BrowserContext; problems: string[] }> {
  const { page, problems } = await openPage(browser, live.origin, scheme);
  const { hash } = new URL(await live.newAddress());
  await page.goto(`${live.origin}${path}${hash}`);
  await page.locator('.status.live').waitFor();
  return { page, context: page.context(), problems };
}

/** Waits until a condition, in the page's own language, holds; the test's watchdog ends it otherwise. */
export async function until(page: Page, condition: string): Promise<void> {
  // The policy of the page keeps Playwright's own waiting from running in it.
  await vi.waitUntil(() => page.evaluate(condition), { timeout: 60_000, interval: 50 });
}
