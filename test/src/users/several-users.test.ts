import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ValidNamespaces } from '@mmfbus/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ended, killed, sayAll, startAgent } from '../e2e/channel-agent.js';
import { ownDirectory } from '../support/own-directory.js';
import { someoneSleeps, tableWhere } from '../support/slots.js';
import { type Program, startCode } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { canBeOthers, SHARED_GROUP, type User, users } from '../support/users.js';
import { workspaceRoot } from '../support/workspace.js';

const { ann, ben, eve } = users;
const directory = ownDirectory('users');
const GROUP = `scope: 'machine', mode: 0o660, group: ${SHARED_GROUP}`;
const ALL = "scope: 'machine', mode: 0o666";

/** Part of a body: commands, one a line. */
const obey = `
  const commands = {
    publish: (value) => publisher.publish(value).then(() => say('published', value)),
    die: () => process.kill(process.pid, 'SIGKILL'),
  };
  process.stdin.on('data', (data) => {
    for (const line of String(data).trim().split('\\n')) {
      const [command, ...words] = line.split(' ');
      void commands[command](...words);
    }
  });
`;

/** Part of a body: publishes what it is told to, and exits at the end of its input. */
const publishWhenTold = `process.stdin.on('end', () => process.exit()); ${obey}`;

/** Part of a body: dies with the publisher lock in its hand, when it is told to. */
const dieWithLock = `
  process.stdin.once('data', async () => {
    await publisher.publish('last');
    // Taken by hand: a publish holds it for some microseconds.
    const { openSegment } = await import('@mmfbus/core/internal');
    const { rawMemory } = await import('./dist/support/raw-memory.js');
    const words = new Int32Array(rawMemory(openSegment({ name: channel.name, namespace: 1, disposition: 'open', size: 0 }).memory));
    for (let slot = 0; ; slot++) {
      const at = (512 + slot * 256) >> 2;
      if (words[at + 8] !== process.pid) continue;
      while (Atomics.compareExchange(words, 192 >> 2, 0, (words[at + 9] << 10) | slot) !== 0);
      process.kill(process.pid, 'SIGKILL');
    }
  });
`;

function as(user: User, umask?: string): { readonly within: readonly string[] } {
  const shell = umask === undefined ? [] : ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh'];
  return { within: [...user.within, ...shell] };
}

/** The permissions of what is in the directory, and whose it is. */
function accesses(): Record<string, string> {
  const files = readdirSync(directory).map((name) => {
    const { uid, gid, mode } = lstatSync(join(directory, name));
    return [name, `${uid} ${gid} ${(mode & 0o777).toString(8)}`] as const;
  });
  return Object.fromEntries(files);
}

function sleeping(name: string, count: number): Promise<unknown> {
  return tableWhere(
    name,
    ({ slots }) => slots.filter(({ asleep }) => asleep).length === count,
    ValidNamespaces.GLOBAL,
  );
}

/** Answers each `ping n` that it hears, on another channel. */
const answerPings = (answers: string, define: string) => `
  const back = await defineChannel({ name: '${answers}', capacity: 4096, ${define} }).publisher();
  subscriber.on('message', ({ value }) => void back.publish(value));
  say('ready');
  process.stdin.on('end', () => process.exit()).resume();
`;

const sendPings = (answers: string, define: string) => `
  const back = await defineChannel({ name: '${answers}', capacity: 4096, ${define} }).subscriber();
  say('ready');
  back.on('message', ({ value }) => say('pong', value));
  process.stdin.on('data', (data) => void publisher.publish(String(data).trim()));
  process.stdin.on('end', () => process.exit());
`;

/** What joining comes to for a user. */
async function joining(user: User, name: string, define: string): Promise<string> {
  const code = `
    import { defineChannel } from '@mmfbus/channel';
    try {
      const channel = defineChannel({ name: '${name}', capacity: 4096, ${define} });
      await (await channel.subscriber()).close();
      console.log('joined');
    } catch (error) {
      console.log(error.code + ' ' + error.message);
    }
  `;
  const program = startCode(code, { cwd: join(workspaceRoot, 'test'), ...as(user) });
  return (await program.success()).trim();
}

describe.skipIf(!canBeOthers())(
  'a channel of several users (as the superuser of Linux, with setpriv)',
  () => {
    beforeAll(() => chmodSync(directory, 0o1777));
    // What a user's process has left in a directory like this only the user's next process removes.
    afterEach(() => {
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    });

    for (const [title, define] of [
      ['of a group', GROUP],
      ['of all', ALL],
    ] as const) {
      it(`${title}: wake each other while both sleep`, async () => {
        const [pings, pongs] = [uniqueName('ping'), uniqueName('pong')];
        const answering = await startAgent('subscriber', pings, answerPings(pongs, define), {
          define,
          start: as(ann),
        });
        await answering.waitForLine(/^ready$/);
        const asking = await startAgent('publisher', pings, sendPings(pongs, define), {
          define,
          start: as(ben),
        });
        await asking.waitForLine(/^ready$/);
        for (let round = 1; round <= 5; round++) {
          await sleeping(pings, 1);
          await sleeping(pongs, 1);
          asking.send(`${round}`);
          await asking.waitForLine(new RegExp(`^pong ${round}$`));
        }
        await ended(asking);
        await ended(answering);
      });
    }

    it('permits no more than its mode says, whatever the umask', async () => {
      const name = uniqueName('modes');
      for (const define of [GROUP, ALL]) {
        const subscriber = await startAgent('subscriber', name, sayAll, { define, start: as(ann, '077') });
        const publisher = await startAgent('publisher', name, publishWhenTold, {
          define,
          start: as(ben, '000'),
        });
        const found = accesses();
        const all = define === ALL;
        const memory = all ? `${ann.uid} ${ann.gid} 666` : `${ann.uid} ${SHARED_GROUP} 660`;
        const directoryName = `mmfbus.g.mmfbus~directory${all ? '' : `.g${SHARED_GROUP}`}`;
        expect(found[`mmfbus.g.${name}`]).toBe(memory);
        expect(found[directoryName]).toBe(memory);
        const bells = Object.entries(found).filter(([file]) => file.endsWith('.bell'));
        const lives = Object.entries(found).filter(([file]) => file.endsWith('.life'));
        const of = ({ uid, gid }: User, mode: string) => `${uid} ${all ? gid : SHARED_GROUP} ${mode}`;
        expect(bells.map(([, access]) => access).sort()).toEqual([
          of(ann, all ? '622' : '620'),
          of(ben, all ? '622' : '620'),
        ]);
        expect(lives.map(([, access]) => access).sort()).toEqual([
          of(ann, all ? '644' : '640'),
          of(ben, all ? '644' : '640'),
        ]);
        expect(Object.keys(found)).toHaveLength(6);
        await ended(publisher);
        await ended(subscriber);
      }
    });

    it('is closed to a user that is no member, and says so', async () => {
      const name = uniqueName('closed');
      const subscriber = await startAgent('subscriber', name, sayAll, { define: GROUP, start: as(ann) });
      const refused = await joining(eve, name, GROUP);
      expect(refused).toMatch(/^ACCESS_DENIED .*belongs to user 61001/);
      expect(await joining(ben, name, "scope: 'machine'")).toBe('joined');
      await ended(subscriber);
      // Nor may it make one.
      expect(await joining(eve, name, GROUP)).toMatch(
        /^ACCESS_DENIED .*cannot be given to group 61000 by user 61003/,
      );
    });

    it('is refused where it lets in others than were asked for', async () => {
      const name = uniqueName('wide');
      const stranger = await startAgent('subscriber', name, sayAll, { define: ALL, start: as(eve) });
      expect(await joining(ann, name, GROUP)).toMatch(
        /^ACCESS_DENIED .*belongs to user 61003 and group 61003, and this program asks for group 61000/,
      );
      expect(await joining(ann, name, "scope: 'machine', mode: 0o660")).toMatch(
        /^ACCESS_DENIED .*has the mode 0666; this program allows 0660 at most/,
      );
      expect(await joining(ann, name, "scope: 'machine'")).toBe('joined');
      await ended(stranger);
    });

    it('is refused to its own owner where that could not ring the others', async () => {
      const name = uniqueName('owner');
      const subscriber = await startAgent('subscriber', name, sayAll, { define: GROUP, start: as(ann) });
      const outsider = {
        ...ann,
        within: ['setpriv', `--reuid=${ann.uid}`, `--regid=${ann.gid}`, '--clear-groups', '--'],
      };
      expect(await joining(outsider, name, "scope: 'machine'")).toMatch(
        /^ACCESS_DENIED .*user 61001 is no member of that group/,
      );
      await ended(subscriber);
    });

    it('is refused where a participant cannot be woken', async () => {
      const name = uniqueName('deaf');
      const deaf = await startAgent('subscriber', name, sayAll, { define: GROUP, start: as(ann) });
      for (const file of readdirSync(directory)) {
        if (file.endsWith('.bell')) chmodSync(join(directory, file), 0o600);
      }
      expect(await joining(ben, name, GROUP)).toMatch(
        /^ACCESS_DENIED .*may not wake the participant in slot 0, process \d+: its bell belongs to user 61001 and group 61000 and has the mode 0600/,
      );
      await ended(deaf);
    });

    it('takes in the superuser, whom its user wakes', async () => {
      const name = uniqueName('root');
      const define = "scope: 'machine'";
      const publisher = await startAgent('publisher', name, publishWhenTold, { define, start: as(ann) });
      const subscriber = await startAgent('subscriber', name, sayAll, { define });
      await sleeping(name, 1);
      publisher.send('publish hello');
      await subscriber.waitForLine(/^message 1 "hello"$/);
      await ended(subscriber);
      await ended(publisher);
    });

    it('goes on when a process of another user is killed with the publisher lock held', async () => {
      const name = uniqueName('lock');
      const dying = await startAgent('publisher', name, dieWithLock, { define: GROUP, start: as(ann) });
      const subscriber = await startAgent('subscriber', name, sayAll, { define: GROUP, start: as(ben) });
      const publisher = await startAgent('publisher', name, publishWhenTold, {
        define: GROUP,
        start: as(ben),
      });
      await sleeping(name, 1);
      dying.send('go');
      await dying.exit();
      publisher.send('publish next');
      await publisher.waitForLine(/^published next$/);
      await subscriber.waitForLine(/^message 2 "next"$/);
      await ended(publisher);
      await subscriber.waitForLine(/^gone /);
      await ended(subscriber);
    });

    it('a sleeping subscriber hears that the last publisher, of another user, was killed', async () => {
      const name = uniqueName('gone');
      const publisher = await startAgent('publisher', name, publishWhenTold, {
        define: GROUP,
        start: as(ann),
      });
      const subscriber = await startAgent('subscriber', name, sayAll, { define: GROUP, start: as(ben) });
      await sleeping(name, 1);
      await killed(publisher);
      await subscriber.waitForLine(/^gone died$/);
      await ended(subscriber);
    });

    it('publishers go on that wait for a reliable subscriber of another user, which is killed', async () => {
      const name = uniqueName('room');
      const subscriber = await startAgent('subscriber', name, 'process.stdin.resume();', {
        define: GROUP,
        start: as(ann),
      });
      const filling = `
      let count = 0;
      while (publisher.tryPublish('x'.repeat(500)) === 'published') count++;
      say('full');
      await publisher.publish('x'.repeat(500));
      say('published');
      process.stdin.on('end', () => process.exit()).resume();
    `;
      const publisher = await startAgent('publisher', name, filling, { define: GROUP, start: as(ben) });
      await publisher.waitForLine(/^full$/);
      await tableWhere(name, someoneSleeps, ValidNamespaces.GLOBAL);
      await killed(subscriber);
      await publisher.waitForLine(/^published$/);
      await ended(publisher);
    });

    it('is made anew in what another user has left, and that user removes its rest later', async () => {
      const name = uniqueName('left');
      const first = await startAgent('publisher', name, publishWhenTold, { define: GROUP, start: as(ann) });
      await killed(first);
      const left = accesses();
      expect(Object.keys(left).filter((file) => /\.(bell|life)$/.test(file))).toHaveLength(2);

      const second = await startAgent('subscriber', name, sayAll, { define: GROUP, start: as(ben) });
      const third = await startAgent('publisher', name, publishWhenTold, { define: GROUP, start: as(ben) });
      await sleeping(name, 1);
      third.send('publish anew');
      await second.waitForLine(/^message 1 "anew"$/);
      expect(accesses()[`mmfbus.g.${name}`]).toBe(left[`mmfbus.g.${name}`]);
      await ended(third);
      await ended(second);

      const last: Program = await startAgent('publisher', name, publishWhenTold, {
        define: GROUP,
        start: as(ann),
      });
      await ended(last);
      expect(Object.keys(accesses()).filter((file) => /\.(bell|life)$|~new/.test(file))).toEqual([]);
    });

    it('names the owner of what is left and too small, or closed', async () => {
      const name = uniqueName('small');
      await killed(await startAgent('publisher', name, publishWhenTold, { define: GROUP, start: as(ann) }));
      expect(await joining(ben, name, `${GROUP}, capacity: 2 ** 20`)).toMatch(
        /^ACCESS_DENIED .*was left behind by user 61001, who alone may remove it/,
      );
      expect(await joining(eve, name, ALL)).toMatch(/^ACCESS_DENIED .*belongs to user 61001/);
    });

    it('is listed and watched by the users that it lets in', async () => {
      const name = uniqueName('listed');
      const watch = `
      import { openBus } from '@mmfbus/channel';
      const bus = await openBus({ ${GROUP} });
      console.log('open');
      for await (const { type, channel, participant } of bus.watch()) console.log(type, channel, participant?.name);
    `;
      const watching = startCode(watch, { cwd: join(workspaceRoot, 'test'), ...as(ben) });
      await watching.waitForLine(/^open$/);
      const publisher = await startAgent('publisher', name, publishWhenTold, {
        define: GROUP,
        join: "name: 'of ann'",
        start: as(ann),
      });
      await watching.waitForLine(new RegExp(`^joined ${name} of ann$`));
      await killed(publisher);
      await watching.waitForLine(new RegExp(`^left ${name} of ann$`));
      await watching.waitForLine(new RegExp(`^closed ${name} `));
      await watching.stop();
    });

    it('has a directory that a user who is no member cannot stand in for', async () => {
      const name = uniqueName('squatted');
      const squat = `
      import { openSegment } from '@mmfbus/core/internal';
      openSegment({ name: 'mmfbus~directory.g${SHARED_GROUP}', namespace: 1, mode: 0o666, disposition: 'create', size: 4096 });
      console.log('there');
      process.stdin.resume();
    `;
      const squatter = startCode(squat, { cwd: join(workspaceRoot, 'test'), ...as(eve) });
      await squatter.waitForLine(/^there$/);
      const failures = `
      import { subscribe } from 'node:diagnostics_channel';
      subscribe('mmfbus:directory-error', ({ error }) => console.log(error.code, error.message));
      import { defineChannel } from '@mmfbus/channel';
      const channel = defineChannel({ name: '${name}', capacity: 4096, ${GROUP} });
      await (await channel.subscriber()).close();
      console.log('joined');
    `;
      const output = await startCode(failures, { cwd: join(workspaceRoot, 'test'), ...as(ann) }).success();
      expect(output).toMatch(
        /^ACCESS_DENIED mmfbus~directory.g61000: it belongs to user 61003 and group 61003.*\njoined\n/,
      );
      await squatter.stop();
    });
  },
);
