import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { outputPattern } from '../docs/code-blocks.js';
import { ownDirectory } from '../support/own-directory.js';
import { exampleOf, exampleRunner } from './shelf.js';

ownDirectory('dashboard');

const run = exampleRunner();
const example = exampleOf('express-dashboard');
const { WebSocket } = createRequire(join(example.folder, 'package.json'))('ws');

it('shows the page, sends every page the values as they come, and ends at Ctrl-C', async () => {
  const program = run(example, { env: { PORT: '0' } });
  const [line, url = ''] = await program.waitForLine(/^.*(http:.*)$/);
  expect(line.replace(/\d+$/, '3000')).toMatch(outputPattern(example.output));

  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch('text/html');
  const page = await response.text();
  expect(page).toContain("new WebSocket(location.href.replace('http', 'ws'))");

  const sockets = [1, 2].map(() => new WebSocket(url.replace('http', 'ws')));
  const closings = sockets.map((socket) => once(socket, 'close'));
  for (let round = 0; round < 2; round++) {
    const messages = await Promise.all(sockets.map((socket) => once(socket, 'message')));
    for (const [data] of messages) {
      const values = JSON.parse(String(data));
      expect(values).toEqual({ load: expect.any(Number), freeMiB: expect.any(Number) });
      for (const name of Object.keys(values)) expect(page).toContain(`id="${name}"`);
    }
  }

  program.kill('SIGINT');
  await Promise.all(closings);
  // Both programs have ended by then, and what they left behind fails this test.
  expect((await program.exit()).stderr).toBe('');
});
