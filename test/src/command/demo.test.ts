// What the README shows beside `npm run demo -- --slow 20000`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { busOf } from '../bus/bus-support.js';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { packageFolder, workspaceRoot } from '../support/workspace.js';
import { run, start } from './command-support.js';

ownDirectory('demo');

/** The command lines of the section "See it". */
function shownLines(): string[] {
  const readme = readFileSync(join(packageFolder('mmfbus'), 'README.md'), 'utf8');
  const [, section = ''] = /^## See it\n(.*?)^## /ms.exec(readme) ?? [];
  return [...section.matchAll(/^npx mmfbus (.*)$/gm)].map(([, line = '']) => line);
}

/** Takes a command line apart as a shell does. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.split(' #');
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

it('the commands of the README show the flights of the demo', async () => {
  const demo = join(workspaceRoot, 'examples', 'flights', 'dist', 'demo.js');
  const flights = startNode(demo, {
    args: ['--slow', '20000', '--repeat', '20'],
    isGroup: true,
    watchdog: 110_000,
  });
  const bus = await busOf();
  for await (const change of bus.watch()) {
    if (change.type === 'joined' && change.channel === 'flights' && change.participant.role === 'publisher')
      break;
  }
  const lines = shownLines();
  expect(lines.length).toBeGreaterThan(6);
  const shown: Record<string, string> = {};
  for (const line of lines) {
    const [name = '', ...words] = wordsOf(line);
    if (name === 'ui') {
      // It serves until Ctrl-C.
      const page = start([name, ...words]);
      await page.waitForLine(/http:\/\/127\.0\.0\.1:\d+\/#/);
      page.kill('SIGINT');
      expect(await page.exit()).toMatchObject({ status: 0, stderr: '' });
      continue;
    }
    const { status, stdout, stderr } = await run(name, ...words);
    expect({ line, status, stderr }).toEqual({ line, status: 0, stderr: '' });
    shown[name] = stdout;
  }
  expect(shown['ls']).toMatch(/^flights +\{delay, distance, time\} .* 1 +3 /m);
  expect(shown['info']).toContain('export const flights = struct({\n  delay: i16(),');
  const delays = [...(shown['sub'] ?? '').matchAll(/delay: (-?\d+)/g)].map(([, delay]) => Number(delay));
  expect(delays).toHaveLength(5);
  for (const delay of delays) expect(delay).toBeGreaterThan(60);
  expect(shown['hz']).toMatch(/^flights +[\d,]+ +[\d.]+k?\/s/m);
  expect(shown['top']).toContain('flights');
  expect(shown['doctor']).toContain('0 problems');
  flights.kill('SIGINT');
  await flights.exit();
});
