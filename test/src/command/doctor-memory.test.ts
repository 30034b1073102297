// What `mmfbus doctor` says of memory: full, damaged, of another version, in the way.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { killed } from '../e2e/channel-agent.js';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, type StartOptions, startCode } from '../support/spawn.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { leave, linesOf, PRICES, publisherProgram, run } from './command-support.js';
import { examine, examineAs, shown, textOf, troublesOf } from './examined.js';

const directory = ownDirectory('doctor-memory');
const uid = process.getuid?.() ?? 0;

/** From FORMAT.md. */
const FORMAT_VERSION_OFFSET = 8;
const TAIL_OFFSET = 256;

/** Writes bytes over those of a file, until the function that it returns writes them back. */
function overwrite(file: string, offset: number, bytes: Uint8Array): () => void {
  const fd = openSync(join(directory, file), 'r+');
  const before = Buffer.alloc(bytes.length);
  readSync(fd, before, 0, bytes.length, offset);
  writeSync(fd, bytes, 0, bytes.length, offset);
  return () => {
    writeSync(fd, before, 0, before.length, offset);
    closeSync(fd);
  };
}

describe('a channel that cannot be looked at', () => {
  it.each([
    [
      'of another version of the format',
      FORMAT_VERSION_OFFSET,
      Uint8Array.of(99, 0, 0, 0),
      "prices: its format version is 99, this program's 2",
      'give all programs the same major version of mmfbus, and start those of the other one again',
    ],
    [
      'whose memory is damaged',
      TAIL_OFFSET,
      new Uint8Array(8).fill(0x11),
      'prices: its memory is damaged: the tail is 1229782938247303400',
      'end the programs that use it, and start them again',
    ],
  ])('%s is found', async (_what, offset, bytes, text, remedy) => {
    const program = await publisherProgram('prices', PRICES, '');
    const restore = overwrite(`mmfbus.${uid}.prices`, offset, bytes);
    const examined = await examine('--fix');
    const finding = { level: 'problem', text, remedy } as const;
    expect([examined.status, troublesOf(examined)]).toEqual([1, [finding]]);
    expect(await textOf()).toContain(shown(finding));
    // A list says why it leaves the channel out.
    const { status, stdout, stderr } = await run('ls');
    const why = text.slice('prices: '.length).replace('its memory is damaged: ', '');
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'There are no channels.\n',
      stderr: `mmfbus ls: prices cannot be looked at: ${why}; mmfbus doctor says what to do\n`,
    });
    restore();
    expect(await linesOf('ls')).toHaveLength(2);
    await leave(program);
  });

  it('because its name is taken by what is no segment, is found', async () => {
    const path = (name: string) => join(directory, `mmfbus.${uid}.${name}`);
    mkdirSync(path('folder'));
    writeFileSync(path('empty'), '');
    const examined = await examine('--fix');
    const findings = [
      {
        level: 'problem',
        text: `${path('folder')} bears the name of a channel and is no regular file: no program can open a channel of this name`,
        remedy: 'remove it',
      },
      {
        level: 'problem',
        text: `empty: ${path('empty')} is empty`,
        remedy: 'where no program uses the file, remove it',
      },
    ] as const;
    expect([examined.status, troublesOf(examined)]).toEqual([1, findings]);
    const text = await textOf();
    for (const finding of findings) expect(text).toContain(shown(finding));
    for (const name of ['folder', 'empty']) rmSync(path(name), { recursive: true });
  });
});

describe('--fix', () => {
  it('removes what the dead have left, and nothing else', async () => {
    const dead = await publisherProgram('left', PRICES, '');
    await killed(dead);
    const leftovers = readdirSync(directory);
    const live = await publisherProgram('prices', PRICES, '');
    const stopped = await publisherProgram('stopped', PRICES, '');
    stopped.kill('SIGSTOP');
    const others = [`mmfbus.${uid}.no-channel`, `mmfbus.${uid}.empty`, 'mmfbus.conf', 'other'];
    for (const name of others) writeFileSync(join(directory, name), name.endsWith('empty') ? '' : 'text');
    const before = readdirSync(directory);
    const examined = await examine('--fix');
    expect(leftovers).toContain(`mmfbus.${uid}.left`);
    // The living have removed some of it already, as they joined.
    const stays = before.filter((name) => !leftovers.includes(name) || name.endsWith('~directory'));
    expect(readdirSync(directory).toSorted()).toEqual(stays.toSorted());
    expect(stays).toEqual(
      expect.arrayContaining([...others, `mmfbus.${uid}.prices`, `mmfbus.${uid}.stopped`]),
    );
    expect(troublesOf(examined).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^empty: /),
      expect.stringMatching(/^stopped: publisher ticker, process \d+ .* is stopped/),
    ]);
    stopped.kill('SIGCONT');
    for (const program of [stopped, live]) await leave(program);
    for (const name of others) rmSync(join(directory, name));
  });
});

describe('in a small file system', () => {
  let holder: Program | undefined;

  afterEach(async () => {
    if (holder !== undefined) await leave(holder);
    holder = undefined;
  });

  /** Mounts one over the directory, for processes that are started as it says. */
  async function mounted(size: string): Promise<StartOptions> {
    const unshare = commandOf('mount namespaces');
    const mount = `mount -t tmpfs -o size=${size},mode=1777 mmfbus "$MMFBUS_DIRECTORY" && exec "$@"`;
    holder = startCode("process.stdin.resume(); console.log('ready')", {
      within: [unshare, '--mount', 'bash', '-c', mount, '--'],
    });
    await holder.waitForLine(/^ready$/);
    const enter = [`--mount=/proc/${holder.pid}/ns/mnt`, `--wd=${join(workspaceRoot, 'test')}`];
    return { within: ['nsenter', ...enter, '--'] };
  }

  const FILL = `
    const { appendFileSync } = await import('node:fs');
    const page = Buffer.alloc(4096, 1);
    try {
      for (;;) appendFileSync(process.env.MMFBUS_DIRECTORY + '/filler', page);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    }
  `;

  it('says with the numbers that no other channel has room', async () => {
    const there = await mounted('12m');
    const program = await publisherProgram('prices', PRICES, '', '', there);
    const examined = await examineAs(there);
    const finding = {
      level: 'problem',
      text: `${directory}: 3.28 MiB of 12 MiB are free; 2 segments of mmfbus take 8.72 MiB, the largest: mmfbus.${uid}.prices 8.02 MiB, mmfbus.${uid}.mmfbus~directory 712 KiB`,
      remedy:
        'end programs, remove other files, give channels a smaller capacity, or make the file system larger: mount -o remount,size=2G; in a container --shm-size',
    } as const;
    expect([examined.status, troublesOf(examined)]).toEqual([1, [finding]]);
    expect(examined.found.at(-1)?.text).toBe('looked at 1 channel with 1 participant');
    expect(await textOf(there)).toContain(shown(finding));
    await leave(program);
  });

  it('works where there is no room for anything, and removes leftovers there', async () => {
    const there = await mounted('12m');
    const program = await publisherProgram('prices', PRICES, FILL, '', there);
    const full = await examineAs(there);
    expect([full.status, troublesOf(full).map(({ text }) => text)]).toEqual([
      1,
      [
        expect.stringMatching(/: 0 B of 12 MiB are free; 2 segments of mmfbus take 8\.72 MiB, the largest: /),
        expect.stringMatching(
          /^the channels of the scope machine cannot be looked at: cannot allocate \d+ bytes for .*: 0 are free$/,
        ),
      ],
    ]);
    expect(full.found.at(-1)?.text).toBe('looked at 1 channel with 1 participant');
    await killed(program);
    const fixed = await examineAs(there, '--fix');
    expect(fixed.found.filter(({ text }) => /^leftover .*; removed$/.test(text))).toHaveLength(4);
    const filler = startCode(FILL, there);
    await filler.success();
    const alone = await examineAs(there);
    expect([alone.status, troublesOf(alone).map(({ text }) => text)]).toEqual([
      1,
      [
        expect.stringMatching(/: 0 B of 12 MiB are free; 0 segments of mmfbus take 0 B$/),
        expect.stringMatching(/^no channel can be looked at: cannot allocate \d+ bytes for .*: 0 are free$/),
      ],
    ]);
  });

  it('that other programs have at the same path, is no matter of ours', async () => {
    const there = await mounted('64m');
    const body = `
      const { unlinkSync } = await import('node:fs');
      unlinkSync(process.env.MMFBUS_DIRECTORY + '/mmfbus.${uid}.prices');
    `;
    const program = await publisherProgram('prices', PRICES, body, '', there);
    expect(troublesOf(await examine())).toEqual([]);
    expect(troublesOf(await examineAs(there)).map(({ text }) => text)).toEqual([
      expect.stringContaining(`was removed while it is in use by process ${program.pid} `),
    ]);
    await leave(program);
  });
});
