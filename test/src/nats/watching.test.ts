import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { string, struct } from '@mmfbus/codec';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { linesOf, objectsOf, run, start } from '../command/command-support.js';
import { ownDirectory } from '../support/own-directory.js';
import type { Program } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { NatsServer } from './nats-server.js';

ownDirectory('nats-watching');
const folder = temporaryFolder('nats-watching');
const file = join(folder, 'bridge.json');

let server: NatsServer;
let program: Program;

beforeEach(async () => {
  server = await NatsServer.start();
  writeFileSync(file, JSON.stringify({ routes: [{ export: '*', to: 'desk.>' }], name: 'desk' }));
  program = start(['bridge', server.url, '--config', file, '--json']);
  await program.waitForLine(/"event":"open"/);
});

afterEach(async () => {
  program.kill('SIGINT');
  await program.exit();
  server.kill('SIGKILL');
});

async function bridgeOf(): Promise<Record<string, unknown> | undefined> {
  return (await objectsOf('top')).find(({ kind }) => kind === 'bridge');
}

it('a bridge shows in top and doctor: what it carries, what it does not, and its connection', async () => {
  const orders = await defineChannel({ name: 'orders', schema: struct({ text: string() }) }).publisher();
  await orders.publish({ text: 'short' });
  await orders.publish({ text: 'x'.repeat(2 ** 20) });
  await expect
    .poll(bridgeOf, { timeout: 60_000 })
    // What the bridge tells of itself is not exported.
    .toMatchObject({
      name: 'desk',
      server: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      connected: true,
      lost: 0,
      lag: 0,
      refused: 1,
      passages: [
        { direction: 'export', kind: 'channel', channel: 'orders', subject: 'desk.orders', messages: 1 },
      ],
    });
  expect((await bridgeOf())?.['passages']).toHaveLength(1);
  const printed = await linesOf('top');
  expect(printed.find((line) => line.startsWith('Bridge desk'))).toMatch(
    /^Bridge desk \(\d+\) to 127\.0\.0\.1:\d+: 1 passage, 0\/s, lag 0, 0 missed, 1 refused/,
  );
  expect(await objectsOf('doctor')).toEqual(
    expect.arrayContaining([
      {
        level: 'hint',
        text: expect.stringMatching(/^bridge desk, process \d+, did not carry 1 message: 1 of orders$/),
        remedy: expect.anything(),
      },
      {
        level: 'fact',
        text: expect.stringMatching(/^bridge desk, process \d+, is connected to .* with 1 passage$/),
      },
    ]),
  );

  server.kill('SIGKILL');
  await program.waitForLine(/"event":"disconnected"/);
  await expect.poll(bridgeOf, { timeout: 60_000 }).toMatchObject({ connected: false, lost: 1 });
  const { status, stdout } = await run('doctor');
  expect(status).toBe(1);
  expect(stdout).toMatch(
    /^problem {2}bridge desk, process \d+, has no connection to .*; it was lost 1 time$/m,
  );
  server = await server.restart();
  await program.waitForLine(/"event":"connected"/);
  await expect.poll(bridgeOf, { timeout: 60_000 }).toMatchObject({ connected: true, lost: 1 });
  await orders.close();
});

it('a bridge that is gone shows no more', async () => {
  expect(await bridgeOf()).toMatchObject({ passages: [] });
  program.kill('SIGKILL');
  await program.exit();
  expect(await bridgeOf()).toBeUndefined();
});
