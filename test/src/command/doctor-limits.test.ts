// What `mmfbus doctor` says of permissions, limits of descriptors, slow readers and other schemas.
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { canBeOthers, type User, users } from '../support/users.js';
import { workspaceRoot } from '../support/workspace.js';
import { leave, PRICES, publisherProgram } from './command-support.js';
import { examine, examineAs, type Found, shown, textOf, troublesOf } from './examined.js';

const directory = ownDirectory('doctor-limits');
const { ann, eve } = users;

describe.skipIf(process.platform === 'win32')('limits', () => {
  it('of descriptors that a participant has nearly used up are found', async () => {
    const body = `
      const { openSync, readdirSync } = await import('node:fs');
      // One is that of the folder while it is read.
      while (readdirSync('/proc/self/fd').length - 1 < 63) openSync('/dev/null', 'r');
    `;
    const within = ['bash', '-c', 'ulimit -n 64; exec "$@"', '--'];
    const program = await publisherProgram('prices', PRICES, body, '', { within });
    const examined = await examine();
    const [finding, ...others] = troublesOf(examined);
    expect([examined.status, others, finding]).toEqual([
      1,
      [],
      {
        level: 'problem',
        text: expect.stringMatching(
          new RegExp(`^process ${program.pid} \\(.*\\) has 6[34] of at most 64 descriptors open: `),
        ),
        remedy: `close files, or raise the limit: ulimit -n, LimitNOFILE= of systemd, or prlimit --pid ${program.pid} --nofile=`,
      },
    ]);
    expect(await textOf()).toContain(`→ ${finding?.remedy}\n`);
    await leave(program);
  });
});

describe('slow readers', () => {
  /** A publisher that fills the ring again and again, beside a reader of its own. */
  function withReader(reader: string, publish: string): ReturnType<typeof publisherProgram> {
    const body = `
      const slow = await channel.subscriber({ name: 'slow', ${reader} });
      const publishAll = () => { for (let n = 0; n < 500; n++) ${publish} };
      publishAll();
      const timer = setInterval(() => { slow.poll(() => {}); publishAll(); }, 10);
      process.stdin.on('end', () => { clearInterval(timer); slow.close(); });
    `;
    return publisherProgram('prices', PRICES, body, ', capacity: 4096');
  }

  it('that lose messages are found', async () => {
    const program = await withReader("delivery: 'lossy'", "publisher.tryPublish({ symbol: 'A', px: n });");
    const examined = await examine();
    const [finding, ...others] = troublesOf(examined);
    expect([examined.status, others, finding]).toEqual([
      0,
      [],
      {
        level: 'hint',
        text: expect.stringMatching(
          /^prices: lossy subscriber slow, process \d+, lost [\d,]+ messages meanwhile: it is lossy, and too slow$/,
        ),
        remedy: 'have its handlers do less, or give the channel a larger capacity',
      },
    ]);
    await leave(program);
  });

  it('that a publisher has disconnected are found', async () => {
    const body = `
      const slow = await channel.subscriber({ name: 'slow' });
      const quick = await channel.publisher({ name: 'quick', slowSubscribers: 'disconnect' });
      for (let n = 0; n < 500; n++) quick.tryPublish({ symbol: 'A', px: n });
      process.stdin.on('end', () => { quick.close(); slow.close(); });
    `;
    const program = await publisherProgram('prices', PRICES, body, ', capacity: 4096');
    const examined = await examine();
    const finding: Found = {
      level: 'hint',
      text: `prices: reliable subscriber slow, process ${program.pid}, was disconnected by a publisher, because it was too slow`,
      remedy: 'have its handlers do less, or give the channel a larger capacity',
    };
    expect([examined.status, troublesOf(examined)]).toEqual([0, [finding]]);
    expect(await textOf()).toContain(shown(finding));
    await leave(program);
  });
});

describe('channels of one name', () => {
  it('in both scopes are found, and the field that differs', async () => {
    const here = await publisherProgram('prices', PRICES, '');
    const there = await publisherProgram(
      'prices',
      'struct({ symbol: string(), px: u32() })',
      '',
      ", scope: 'machine'",
    );
    const finding: Found = {
      level: 'hint',
      text: expect.stringMatching(
        /^there is a second channel prices, in the scope machine: programs of different scopes do not meet; their schemas differ: .*px/,
      ),
      remedy: 'where they are meant to be one channel, give all programs the same scope',
    };
    const examined = await examine();
    expect([examined.status, troublesOf(examined)]).toEqual([0, [finding]]);
    expect(await textOf()).toContain(`→ ${finding.remedy}\n`);
    const other = await examine('--scope', 'machine');
    expect(troublesOf(other).map(({ text }) => text)).toEqual([
      expect.stringContaining('in the scope user: '),
    ]);
    for (const program of [here, there]) await leave(program);
  });
});

describe.skipIf(!canBeOthers())('permissions (as the superuser of Linux, with setpriv)', () => {
  const as = ({ within }: User) => ({ within, cwd: join(workspaceRoot, 'test') });
  const pathOf = (name: string) => join(directory, name);

  beforeEach(() => chmodSync(directory, 0o1777));

  afterEach(() => {
    for (const name of readdirSync(directory)) rmSync(pathOf(name));
  });

  /** What that user finds, as JSON, which is what the text shows as well. */
  async function findingsOf(
    user: User,
    ...words: string[]
  ): Promise<{ readonly status: number | null; readonly found: readonly Found[] }> {
    const examined = await examineAs(as(user), ...words);
    const text = await textOf(as(user), ...words);
    const found = troublesOf(examined);
    for (const finding of found) expect(text).toContain(shown(finding));
    return { status: examined.status, found };
  }

  it('of the folder are found, whatever they keep the command from', async () => {
    const refused = {
      level: 'problem',
      text: `${directory} cannot be used: EACCES: permission denied, access '${directory}'`,
      remedy: 'let this user read and write it, or name another folder in MMFBUS_DIRECTORY',
    };
    chmodSync(directory, 0o700);
    expect(await findingsOf(eve)).toEqual({ status: 1, found: [refused] });
    chmodSync(directory, 0o755);
    expect(await findingsOf(eve)).toEqual({
      status: 1,
      found: [
        refused,
        {
          level: 'problem',
          text: expect.stringMatching(
            /^no channel can be looked at: cannot create .*: EACCES, permission denied/,
          ),
          remedy: 'let this user read and write the folder and its own files there',
        },
      ],
    });
    chmodSync(directory, 0o777);
    expect(await findingsOf(eve)).toEqual({
      status: 1,
      found: [
        {
          level: 'problem',
          text: `${directory} lets every user remove the files of others: its mode is 0777`,
          remedy: `chmod +t ${directory}`,
        },
      ],
    });
  });

  it('of a channel that lets this user not in are a hint, and those of its own files a problem', async () => {
    const program = await publisherProgram('prices', PRICES, '', ", scope: 'machine', mode: 0o600", as(ann));
    expect(await findingsOf(eve, '--scope', 'machine', '--fix')).toEqual({
      status: 0,
      found: [
        {
          level: 'hint',
          text: expect.stringMatching(
            /^prices: cannot open .*, which belongs to user 61001 \(open: EACCES, /,
          ),
          remedy:
            'where this user is to join it, have its programs create it with a mode and a group that let this user in',
        },
      ],
    });
    await leave(program);

    const own = await publisherProgram('prices', PRICES, '', '', as(ann));
    const path = pathOf('mmfbus.61001.prices');
    chmodSync(path, 0);
    expect(await findingsOf(ann, '--fix')).toEqual({
      status: 1,
      found: [
        {
          level: 'problem',
          text: expect.stringMatching(
            /^prices: cannot open .*, which belongs to user 61001 \(open: EACCES, /,
          ),
          remedy: `chmod u+rw ${path}`,
        },
      ],
    });
    chmodSync(path, 0o600);
    await leave(own);
  });

  it('of a file of another user under the name of this one are found, and --fix leaves it', async () => {
    const path = pathOf('mmfbus.61003.prices');
    writeFileSync(path, 'text', { mode: 0o600 });
    expect(await findingsOf(eve, '--fix')).toEqual({
      status: 1,
      found: [
        {
          level: 'problem',
          text: `${path} bears the name of user 61003 and belongs to user 0: that user cannot open a channel of this name`,
          remedy: 'have user 0 remove it',
        },
      ],
    });
    expect(readdirSync(directory)).toEqual(['mmfbus.61003.prices']);
  });

  it('leave what dead programs of other users have left to those users', async () => {
    const program = await publisherProgram('prices', PRICES, '', '', as(ann));
    program.kill('SIGKILL');
    await program.exit();
    const left = readdirSync(directory);
    expect(left).toContain('mmfbus.61001.prices');
    expect(await findingsOf(eve, '--fix')).toEqual({ status: 0, found: [] });
    expect(readdirSync(directory)).toEqual(left);
    expect((await findingsOf(ann, '--fix')).status).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
  });
});
