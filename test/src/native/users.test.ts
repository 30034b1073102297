import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ValidNamespaces } from '@mmfbus/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../conformance/agent.js';
import { languageOf } from '../conformance/agents.js';
import { ownDirectory } from '../support/own-directory.js';
import { tableWhere } from '../support/slots.js';
import { uniqueName } from '../support/unique-name.js';
import { canBeOthers, SHARED_GROUP, type User, users } from '../support/users.js';
import {
  channelsOf,
  DIRECTORY_NAME,
  entriesOf,
  openDirectory,
  participantsOf,
  writeEntry,
} from './directory-memory.js';

const { ann, ben, eve } = users;
const directory = ownDirectory('native-users');
const GROUP = `capacity=4096 scope=machine mode=660 group=${SHARED_GROUP}`;
const ALL = 'capacity=4096 scope=machine mode=666';
const OWN = 'capacity=4096 scope=machine mode=600';
const GROUP_DIRECTORY = `${DIRECTORY_NAME}.g${SHARED_GROUP}`;
const agents: Agent[] = [];

function start(language: string, { within }: User): Agent {
  const { command, ...rest } = languageOf(language);
  const agent = new Agent({ ...rest, command: [...within, ...command] }, directory);
  agents.push(agent);
  return agent;
}

/** Waits until so many participants sleep. */
function sleeping(name: string, count: number): Promise<unknown> {
  return tableWhere(
    name,
    ({ slots }) => slots.filter(({ asleep }) => asleep).length === count,
    ValidNamespaces.GLOBAL,
  );
}

/** Whose the files with that ending are and whom they let in, each case once. */
function accesses(ending: string): string[] {
  const found = readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .map((name) => {
      const { uid, gid, mode } = lstatSync(join(directory, name));
      return `${uid} ${gid} ${(mode & 0o777).toString(8)}`;
    });
  // A program has a port in each segment, or one in all of them.
  return [...new Set(found)].sort();
}

/** The memory of the machine's directory of that name. */
function open(name: string): DataView {
  return openDirectory(name, ValidNamespaces.GLOBAL);
}

/** The directories of the machine that are there. */
function directories(): string[] {
  const prefix = 'mmfbus.g.';
  const names = readdirSync(directory).filter((name) => name.startsWith(prefix + DIRECTORY_NAME));
  return names.map((name) => name.slice(prefix.length)).sort();
}

describe.skipIf(!canBeOthers())('several users (as the superuser of Linux, with setpriv)', () => {
  beforeAll(() => chmodSync(directory, 0o1777));
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.kill();
    // What a user's process has left in a directory like this only the user's next process removes.
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
  });

  describe.each(['c', 'rust', 'python'])('of %s and Node', (language) => {
    it.each([
      [language, 'node'],
      ['node', language],
    ])('%s publishes and %s is woken', async (publishing, subscribing) => {
      const name = uniqueName('wake');
      const publisher = start(publishing, ann);
      const subscriber = start(subscribing, ben);
      await publisher.ask(`publisher ${name} ${GROUP}`);
      await subscriber.ask(`subscriber ${name} ${GROUP}`);
      expect(accesses(name)).toEqual([`${ann.uid} ${SHARED_GROUP} 660`]);
      expect(accesses('.bell')).toEqual([ann, ben].map(({ uid }) => `${uid} ${SHARED_GROUP} 620`));
      expect(accesses('.life')).toEqual([ann, ben].map(({ uid }) => `${uid} ${SHARED_GROUP} 640`));
      for (let seed = 1; seed <= 3; seed++) {
        const received = subscriber.ask('receive 1');
        await sleeping(name, 1);
        await publisher.ask(`publish ${seed} 10 1`);
        expect((await received).events).toEqual([expect.stringContaining(`message ${seed} 10 `)]);
      }
      // A publisher that waits for room is woken as well.
      const { words } = await publisher.ask('try 1 900 100');
      expect(words[1]).toBe('full');
      const waiting = publisher.ask('publish 1 900 1');
      await sleeping(name, 1);
      await subscriber.ask(`receive ${words[0]}`);
      await waiting;
      // And hears of a death.
      const gone = subscriber.ask('receive 100');
      await sleeping(name, 1);
      await publisher.kill();
      expect((await gone).events.at(-1)).toBe('gone died');
    });

    it('a stranger is refused, and so is what lets in strangers', async () => {
      const name = uniqueName('closed');
      const publisher = start('node', ann);
      await publisher.ask(`publisher ${name} ${GROUP}`);
      const stranger = start(language, eve);
      await expect(stranger.ask(`subscriber ${name} ${GROUP}`)).rejects.toThrow(
        /belongs to user 61001|denied/i,
      );
      const wide = uniqueName('wide');
      await stranger.ask(`publisher ${wide} capacity=4096 scope=machine mode=666`);
      const careful = start(language, ben);
      await expect(careful.ask(`subscriber ${wide} ${GROUP}`)).rejects.toThrow(
        /user 61003 and group 61003.*, and this program asks for group 61000/,
      );
      await careful.ask(`subscriber ${wide} capacity=4096 scope=machine`);
    });

    it('a participant that cannot be woken is told of', async () => {
      const name = uniqueName('deaf');
      const deaf = start('node', ann);
      await deaf.ask(`subscriber ${name} ${GROUP}`);
      for (const file of readdirSync(directory)) {
        if (file.endsWith('.bell')) chmodSync(join(directory, file), 0o600);
      }
      const newcomer = start(language, ben);
      for (const role of ['publisher', 'subscriber']) {
        await expect(newcomer.ask(`${role} ${name} ${GROUP}`)).rejects.toThrow(
          /slot 0.*: its bell belongs to user 61001 and group 61000/,
        );
      }
      // Its slot is free again.
      await tableWhere(name, ({ slots }) => slots.length === 1, ValidNamespaces.GLOBAL);
    });

    it('what another user left is made anew in place', async () => {
      const name = uniqueName('left');
      const dying = start('node', ann);
      await dying.ask(`publisher ${name} ${GROUP}`);
      await dying.ask('publish 1 10 3');
      await dying.kill();
      const publisher = start(language, ben);
      await publisher.ask(`publisher ${name} ${GROUP}`);
      const subscriber = start('node', ben);
      await subscriber.ask(`subscriber ${name} ${GROUP} start=earliest`);
      await publisher.ask('publish 7 10 1');
      const { events } = await subscriber.ask('receive 1');
      expect(events).toEqual([expect.stringContaining('message 1 10 ')]);
      const large = uniqueName('large');
      const other = start('node', ann);
      await other.ask(`publisher ${large} ${GROUP}`);
      await other.kill();
      const wanting = start(language, ben);
      await expect(wanting.ask(`publisher ${large} ${GROUP.replace('4096', '1048576')}`)).rejects.toThrow(
        /left behind by user 61001, who alone may remove it/,
      );
    });

    it('goes on when a process of another user dies with the publisher lock held', async () => {
      const name = uniqueName('lock');
      const subscriber = start('node', ben);
      await subscriber.ask(`subscriber ${name} ${GROUP}`);
      const dying = start(language, ann);
      await dying.ask(`publisher ${name} ${GROUP}`);
      await dying.ask('die-at 1 lock: taken');
      await dying.dies('publish 1 10 1');
      const publisher = start(language, ben);
      await publisher.ask(`publisher ${name} ${GROUP}`);
      await publisher.ask('publish 2 10 1');
      expect((await subscriber.ask('receive 1')).events.at(-1)).toMatch(/^message 1 10 /);
    });
  });

  describe.each(['c', 'rust', 'python'])('the directory and %s', (language) => {
    it('has a channel listed for exactly those whom the channel lets in', async () => {
      const [shared, wide, own] = [uniqueName('shared'), uniqueName('wide'), uniqueName('own')];
      const [first, second, third] = [start(language, ann), start(language, ben), start(language, ann)];
      expect(await first.ask(`publisher ${shared} ${GROUP}`)).toMatchObject({ words: [] });
      expect(await first.ask(`subscriber ${wide} ${ALL}`)).toMatchObject({ words: [] });
      expect(await second.ask(`subscriber ${shared} ${GROUP}`)).toMatchObject({ words: [] });
      expect(await third.ask(`publisher ${own} ${OWN}`)).toMatchObject({ words: [] });
      const ofUser = `${DIRECTORY_NAME}.u${ann.uid}`;
      expect(directories()).toEqual([DIRECTORY_NAME, GROUP_DIRECTORY, ofUser]);
      expect(accesses(DIRECTORY_NAME)).toEqual([`${ann.uid} ${ann.gid} 666`]);
      expect(accesses(GROUP_DIRECTORY)).toEqual([`${ann.uid} ${SHARED_GROUP} 660`]);
      expect(accesses(ofUser)).toEqual([`${ann.uid} ${ann.gid} 600`]);
      expect(channelsOf(open(DIRECTORY_NAME))).toEqual([wide]);
      expect(channelsOf(open(GROUP_DIRECTORY))).toEqual([shared]);
      expect(channelsOf(open(ofUser))).toEqual([own]);
      expect([DIRECTORY_NAME, GROUP_DIRECTORY].map((name) => participantsOf(open(name)).length)).toEqual([
        1, 2,
      ]);
    });

    it('is shared by all channels of a process that let in the same users, and left with the last', async () => {
      const agent = start(language, ann);
      const [one, other] = [uniqueName('one'), uniqueName('other')];
      await agent.ask(`publisher ${one} ${GROUP}`);
      await agent.ask(`subscriber ${other} ${GROUP}`);
      const keeper = start(language, ben);
      await keeper.ask(`subscriber ${one} ${GROUP}`);
      const view = open(GROUP_DIRECTORY);
      expect(participantsOf(view)).toHaveLength(2);
      expect(channelsOf(view)).toEqual([one, other].sort());
      await agent.ask('leave subscriber');
      expect(participantsOf(view)).toHaveLength(2);
      await agent.ask('leave publisher');
      expect(participantsOf(view)).toHaveLength(1);
      expect(channelsOf(view)).toEqual([one]);
    });

    it('is the one of programs in Node', async () => {
      const [first, second] = [start('node', ann), start(language, ben)];
      const [shared, wide, other] = [uniqueName('shared'), uniqueName('wide'), uniqueName('other')];
      await first.ask(`publisher ${shared} ${GROUP}`);
      await first.ask(`subscriber ${wide} ${ALL}`);
      expect(await second.ask(`publisher ${other} ${GROUP}`)).toMatchObject({ words: [] });
      expect(await second.ask(`subscriber ${wide} ${ALL}`)).toMatchObject({ words: [] });
      expect(directories()).toEqual([DIRECTORY_NAME, GROUP_DIRECTORY]);
      expect(channelsOf(open(GROUP_DIRECTORY))).toEqual([shared, other].sort());
      expect(channelsOf(open(DIRECTORY_NAME))).toEqual([wide]);
      for (const name of directories()) expect(participantsOf(open(name))).toHaveLength(2);
    });

    it('goes without one that lets in others than it should', async () => {
      const stranger = start(language, eve);
      await stranger.ask(`publisher ${uniqueName('wide')} ${ALL}`);
      const member = start(language, ann);
      await member.ask(`publisher ${uniqueName('shared')} ${GROUP}`);
      for (const [name, mode, options] of [
        [GROUP_DIRECTORY, 0o666, GROUP],
        [GROUP_DIRECTORY, 0o664, GROUP],
        [DIRECTORY_NAME, 0o667, ALL],
      ] as const) {
        chmodSync(join(directory, `mmfbus.g.${name}`), mode);
        const other = start(language, ben);
        const { words } = await other.ask(`publisher ${uniqueName('other')} ${options}`);
        expect(words.join(' ')).toMatch(/^not listed in the directory: /);
        expect((await other.ask('try 1 10 1')).words).toEqual(['1', 'published']);
      }
    });

    it('takes channels that let in others for none of its own', async () => {
      const [wide, shared, late] = [uniqueName('wide'), uniqueName('shared'), uniqueName('late')];
      await start(language, eve).ask(`publisher ${wide} ${ALL}`);
      await start(language, ann).ask(`publisher ${shared} ${GROUP}`);
      const view = open(GROUP_DIRECTORY);
      for (const entry of entriesOf(view)) writeEntry(view, entry, shared);
      const agent = start(language, ben);
      const { words } = await agent.ask(`publisher ${late} ${GROUP}`);
      expect(words.join(' ')).toContain('all entries of the directory are taken');
      await agent.ask('leave publisher');
      const [entry = 0] = entriesOf(view);
      writeEntry(view, entry, wide);
      expect(await agent.ask(`publisher ${late} ${GROUP}`)).toMatchObject({ words: [] });
      expect(channelsOf(view)).toContain(late);
      expect(channelsOf(view)).not.toContain(wide);
    });
  });
});
