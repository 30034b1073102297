import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { killed } from '../e2e/channel-agent.js';
import { ownDirectory } from '../support/own-directory.js';
import { startCode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';
import { leave, linesOf, PRICES, publisherProgram, start } from './command-support.js';
import { examine } from './examined.js';

const directory = ownDirectory('doctor');

describe('mmfbus doctor', () => {
  it('finds nothing where nothing is wrong, and says how much memory there is', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    const { status, found } = await examine();
    expect({ status, levels: new Set(found.map(({ level }) => level)) }).toEqual({
      status: 0,
      levels: new Set(['fact']),
    });
    expect(found.map(({ text }) => text)).toEqual([
      expect.stringMatching(/: .* of .* are free; 2 segments of mmfbus take .* MiB$/),
      'looked at 1 channel with 1 participant',
    ]);
    expect((await linesOf('doctor')).at(-1)).toBe('0 problems, 0 hints');
    await leave(program);
  });

  it('finds what a killed program has left, with the proof, and removes it with --fix', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    await killed(program);
    const left = readdirSync(directory);
    expect(left.length).toBeGreaterThan(2);
    const { status, found } = await examine('--fix');
    const removed = found.flatMap(
      ({ text }) => /^leftover ([^:,]+).*: no process .*; removed$/.exec(text)?.[1] ?? [],
    );
    expect({ status, removed: removed.toSorted() }).toEqual({ status: 0, removed: left.toSorted() });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('finds a reader that is stopped, and says how to go on', async () => {
    const program = await publisherProgram(
      'prices',
      PRICES,
      "await publisher.publish({ symbol: 'A', px: 1 });",
    );
    const sub = start(['sub', 'prices', '--reliable', '--from', 'earliest']);
    await sub.waitForLine(/^ +1 /);
    sub.kill('SIGSTOP');
    const { status, found } = await examine();
    sub.kill('SIGCONT');
    expect({ status, problems: found.filter(({ level }) => level === 'problem') }).toEqual({
      status: 1,
      problems: [
        {
          level: 'problem',
          text: expect.stringMatching(
            new RegExp(`^prices: reliable subscriber mmfbus sub, process ${sub.pid} \\(.*\\), is stopped`),
          ),
          remedy: `kill -CONT ${sub.pid}, or end it: kill -KILL ${sub.pid}`,
        },
      ],
    });
    await leave(program);
    await sub.success();
  });

  it('finds a reader that holds its publisher back', async () => {
    const body = `
      const slow = await channel.subscriber({ name: 'slow' });
      while (publisher.tryPublish({ symbol: 'A', px: 1 }) === 'published');
      const timer = setInterval(() => publisher.tryPublish({ symbol: 'A', px: 1 }), 1);
      process.stdin.on('end', () => { clearInterval(timer); slow.close(); });
    `;
    const program = await publisherProgram('prices', PRICES, body, ', capacity: 4096');
    const { status, found } = await examine();
    expect(status).toBe(1);
    expect(found.find(({ level }) => level === 'problem')?.text).toMatch(
      /^prices: reliable subscriber slow, process \d+, holds publishers back: it is \d+ % of the ring behind; publishers found no room \d+ times meanwhile$/,
    );
    await leave(program);
  });

  it('finds names that are nearly the same, and the field that differs', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    const code = `
      import { defineChannel } from '@mmfbus/channel';
      import { string, struct, u32 } from '@mmfbus/codec';
      const channel = defineChannel({ name: 'price', schema: struct({ symbol: string(), px: u32() }) });
      const subscriber = await channel.subscriber();
      process.stdin.on('end', () => subscriber.close()).resume();
      console.log('ready');
    `;
    const reader = startCode(code, { cwd: join(workspaceRoot, 'test') });
    await reader.waitForLine(/^ready$/);
    const { status, found } = await examine();
    expect(status).toBe(0);
    const hints = found.filter(({ level }) => level === 'hint');
    expect(hints).toHaveLength(1);
    expect(hints[0]?.text).toMatch(
      /^price has subscribers and no publisher, prices publishers and no subscriber; their schemas differ: .*px/,
    );
    await leave(reader);
    await leave(program);
  });

  it('finds a channel whose file was removed while it is in use', async () => {
    const program = await publisherProgram('prices', PRICES, '');
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.prices'));
    unlinkSync(join(directory, file));
    const { status, found } = await examine();
    expect({ status, problems: found.map(({ text }) => text) }).toMatchObject({ status: 1 });
    expect(found.find(({ level }) => level === 'problem')?.text).toMatch(
      new RegExp(`^the file of a channel was removed while it is in use by process ${program.pid} `),
    );
    await leave(program);
  });
});
