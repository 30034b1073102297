import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicNow } from '@mmfbus/channel';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeBlocks, outputPattern } from '../docs/code-blocks.js';
import { ownDirectory } from '../support/own-directory.js';
import { someoneSleeps, tableWhere } from '../support/slots.js';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';
import { type RuntimeName, runOn, startOn } from './runtimes.js';

ownDirectory('runtimes');

const STREAMED = '20000';
/** So often that a descriptor that is closed twice, or not at all, is noticed. */
const REOPENED = '300';

// Inside this workspace package, so that what is in it finds the packages that it imports.
const cache = join(workspaceRoot, 'test', '.cache');
mkdirSync(cache, { recursive: true });
const folder = temporaryFolder('runtimes', cache);

describe.each(['Bun', 'Deno'] as const)('%s', (runtime) => {
  const pairs: [RuntimeName | 'Node', RuntimeName | 'Node'][] = [
    [runtime, 'Node'],
    ['Node', runtime],
    [runtime, runtime],
  ];

  // Before anything is started that a test which is skipped would leave.
  beforeEach(() => void runOn(runtime));

  it('is of the version that docs/runtimes.md names', () => {
    const { stdout } = spawnSync(commandOf(runtime), ['--version'], { encoding: 'utf8' });
    const [version] = /\d+\.\d+\.\d+/.exec(stdout) ?? [''];
    expect(readFileSync(join(workspaceRoot, 'docs', 'runtimes.md'), 'utf8')).toContain(`| ${version}`);
  });

  it('has the clock of the machine for its timestamps', async () => {
    const file = join(folder, `clock-${runtime}.mjs`);
    writeFileSync(file, "import { monotonicNow } from '@mmfbus/channel';\nconsole.log(monotonicNow());\n");
    const before = monotonicNow();
    const output = await startNode(file, { ...runOn(runtime), cwd: folder }).success();
    const there = Number(output.trim());
    expect(there).toBeGreaterThan(before);
    expect(there).toBeLessThan(monotonicNow());
  });

  it('runs what the README shows', async () => {
    // Its two files, which print one after the other.
    const blocks = codeBlocks(readFileSync(join(workspaceRoot, 'README.md'), 'utf8')).slice(0, 2);
    expect(blocks.map(({ withNext }) => withNext)).toEqual([true, false]);
    const programs = blocks.map(({ code }, index) => {
      const file = join(folder, `readme-${runtime}-${index}.ts`);
      writeFileSync(file, code);
      return startNode(file, { ...runOn(runtime), cwd: folder });
    });
    const output = await Promise.all(programs.map((program) => program.success()));
    expect(output.join('').trim()).toMatch(outputPattern(blocks[1]?.expected ?? ''));
  });

  it.each(pairs)('publishes in order, and drains: %s to %s', async (from, to) => {
    const name = uniqueName('stream');
    const subscriber = startOn(to, 'check', name);
    await subscriber.waitForLine(/^ready$/);
    const publisher = startOn(from, 'stream', name, STREAMED);
    await publisher.waitForLine(/^drained$/);
    await publisher.success();
    expect((await subscriber.waitForLine(/^(got|wrong).*/))[0]).toBe(`got ${STREAMED}`);
    await subscriber.success();
  });

  it.each(pairs)('is woken from its sleep, message by message: %s to %s', async (from, to) => {
    const name = uniqueName('sleep');
    const subscriber = startOn(to, 'listen', name);
    await subscriber.waitForLine(/^ready$/);
    const publisher = startOn(from, 'publish', name);
    await publisher.waitForLine(/^ready$/);
    for (let value = 1; value <= 20; value++) {
      await tableWhere(name, someoneSleeps);
      publisher.send(String(value));
      await subscriber.waitForLine(new RegExp(`^message ${value} ${value}$`));
    }
    publisher.endInput();
    await publisher.success();
    await subscriber.waitForLine(/^gone left$/);
    subscriber.endInput();
    await subscriber.success();
  });

  it.each(pairs)('a publisher that is killed is missed: %s by %s', async (from, to) => {
    const name = uniqueName('killed');
    const subscriber = startOn(to, 'listen', name);
    await subscriber.waitForLine(/^ready$/);
    const publisher = startOn(from, 'publish', name);
    publisher.send('1');
    await subscriber.waitForLine(/^message 1 1$/);
    publisher.kill();
    await subscriber.waitForLine(/^gone died$/);
    subscriber.endInput();
    await subscriber.success();
  });

  it.each(pairs)('a subscriber that is killed holds no publisher back: %s holding %s', async (held, from) => {
    const name = uniqueName('held');
    const subscriber = startOn(held, 'hold', name);
    await subscriber.waitForLine(/^ready$/);
    const publisher = startOn(from, 'fill', name);
    await publisher.waitForLine(/^full$/);
    await tableWhere(name, ({ roomWaiters }) => roomWaiters === 1);
    subscriber.kill();
    await publisher.waitForLine(/^room$/);
    await publisher.success();
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('leaves in good order at %s', async (signal) => {
    const name = uniqueName('signal');
    const subscriber = startOn('Node', 'listen', name);
    await subscriber.waitForLine(/^ready$/);
    const publisher = startOn(runtime, 'publish', name);
    publisher.send('1');
    await subscriber.waitForLine(/^message 1 1$/);
    publisher.kill(signal);
    expect(await publisher.exit()).toMatchObject({ status: null, signal });
    await subscriber.waitForLine(/^gone left$/);
    subscriber.endInput();
    await subscriber.success();
  });

  it('leaves in good order at process.exit', async () => {
    const name = uniqueName('exit');
    const subscriber = startOn('Node', 'listen', name);
    await subscriber.waitForLine(/^ready$/);
    expect((await startOn(runtime, 'exit', name).exit()).status).toBe(3);
    await subscriber.waitForLine(/^gone left$/);
    subscriber.endInput();
    await subscriber.success();
  });

  // Deno has no event `exit` then.
  const outcome = runtime === 'Deno' ? 'died' : 'left';

  it(`has ${outcome} for the others at an uncaught error`, async () => {
    const name = uniqueName('fail');
    const subscriber = startOn('Node', 'listen', name);
    await subscriber.waitForLine(/^ready$/);
    expect((await startOn(runtime, 'fail', name).exit()).status).toBe(1);
    expect((await subscriber.waitForLine(/^gone (\w+)$/))[1]).toBe(outcome);
    subscriber.endInput();
    await subscriber.success();
  });

  it('ends by itself as soon as nothing keeps its event loop alive', async () => {
    await startOn(runtime, 'fade', uniqueName('fade')).success();
  });

  it('opens and closes ports as often as one likes', async () => {
    const program = startOn(runtime, 'reopen', uniqueName('reopen'), REOPENED);
    expect(await program.success()).toBe(`reopened ${REOPENED}\n`);
  });
});

/** What a program's own tests look like on Bun. */
const BUN_TEST = `
  import { expect, test } from 'bun:test';
  import { defineChannel } from '@mmfbus/channel';

  test('a message arrives', async () => {
    const channel = defineChannel({ name: NAME });
    const subscriber = await channel.subscriber();
    const publisher = await channel.publisher();
    await publisher.publish(7);
    for await (const { value } of subscriber) {
      expect(value).toBe(7);
      break;
    }
    await publisher.close();
    await subscriber.close();
  });
`;

it('bun test runs tests that use a channel, and ends', async () => {
  const file = join(folder, 'channel.test.js');
  writeFileSync(file, BUN_TEST.replace('NAME', JSON.stringify(uniqueName('bun-test'))));
  const { runtime } = runOn('Bun');
  await startNode(file, { runtime: [...runtime, 'test'], cwd: folder }).success();
});
