import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { openSegment, type Segment } from '@mmfbus/core/internal';
import { afterEach, describe, expect, it } from 'vitest';
import { busOf, watch } from '../bus/bus-support.js';
import { Agent } from '../conformance/agent.js';
import { type Language, languageOf } from '../conformance/agents.js';
import { define, publisherOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';
import {
  DIRECTORY_NAME,
  entriesOf,
  openDirectory,
  PARTICIPANTS,
  participantsOf,
  SLOT_NAME_LENGTH,
  writeEntry,
} from './directory-memory.js';

const directory = ownDirectory('native-directory');
const onWindows = process.platform === 'win32';

/** From FORMAT.md. */
const FORMAT_VERSION = 8;
const PUBLISHER_LOCK = 192;
const GENERATION = 36;
const SLOT_BITS = 10;

/** Steps that joining and leaving take in the directory, and some of them in the channel too. */
const DYING = [
  'claim: nonce stored',
  'claim: identity written',
  'lock: taken',
  'join: state stored',
  'publish: frame written',
  'publish: committed',
  'publish: rung',
] as const;

const agents: Agent[] = [];
const segments: Segment[] = [];

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.exit();
  for (const segment of segments.splice(0)) segment.close();
});

/** A program in that language that leaves everything after the test. */
function agentOf(name: string): Agent {
  const agent = new Agent(languageOf(name) as Language, directory);
  agents.push(agent);
  return agent;
}

/** What the directory is to call the agent of that language. */
function nameOf(language: string): string {
  const { command } = languageOf(language) as Language;
  const suffix = ` (${language})`;
  return basename(command.at(-1) ?? '').slice(0, SLOT_NAME_LENGTH - suffix.length) + suffix;
}

/** Has the agent join as both, and send itself a message. */
async function talk(agent: Agent): Promise<string> {
  const channel = uniqueName();
  const { words } = await agent.ask(`publisher ${channel} capacity=4096`);
  await agent.ask(`subscriber ${channel} capacity=4096`);
  await agent.ask('publish 1 10 1');
  expect((await agent.ask('receive 1')).events).toHaveLength(1);
  await agent.ask('leave publisher');
  await agent.ask('leave subscriber');
  return words.join(' ');
}

describe.each(onWindows ? ['c'] : ['c', 'rust', 'python'])('a program in %s', (language) => {
  it('is listed with its channel, which no other program has joined', async () => {
    const agent = agentOf(language);
    const channel = uniqueName();
    expect(await agent.ask(`publisher ${channel} capacity=4096`)).toMatchObject({ words: [] });
    const bus = await busOf();
    const [info, ...others] = await bus.list();
    expect(others).toEqual([]);
    expect(info).toMatchObject({ name: channel, capacity: 4096, codec: 'raw' });
    expect(info?.participants).toMatchObject([{ role: 'publisher', alive: true }]);
    if (!onWindows) expect(info?.participants[0]?.pid).toBe(agent.pid);
    await agent.ask('leave publisher');
    expect(await bus.list()).toEqual([]);
  });

  it('says in the directory which program it is, once for all of its channels', async () => {
    const agent = agentOf(language);
    const [one, other] = [uniqueName(), uniqueName()];
    await agent.ask(`publisher ${one} capacity=4096`);
    await agent.ask(`subscriber ${other} capacity=4096`);
    const view = openDirectory();
    expect(participantsOf(view)).toEqual([nameOf(language)]);
    const bus = await busOf();
    expect(participantsOf(view).at(-1)).toMatch(/^.+ \(node\)$/);
    expect((await bus.list()).map(({ name }) => name).sort()).toEqual([one, other].sort());
    await agent.ask('leave publisher');
    expect((await bus.list()).map(({ name }) => name)).toEqual([other]);
    await agent.ask('leave subscriber');
    expect(participantsOf(view)).toHaveLength(1);
  });

  it('is heard to come and go', async () => {
    const watched = watch(await busOf());
    const [agent, second] = [agentOf(language), agentOf(language)];
    const channel = uniqueName();
    await agent.ask(`publisher ${channel} capacity=4096`);
    await watched.until(`joined ${channel} as publisher`);
    await second.ask(`subscriber ${channel} capacity=4096`);
    await watched.until(`joined ${channel} as reliable`);
    await agent.ask('leave publisher');
    await watched.until(`left ${channel} as publisher`);
    await second.ask('leave subscriber');
    await watched.until(`closed ${channel}`);
    expect(watched.about(channel)).toEqual([
      `opened ${channel}`,
      `joined ${channel} as publisher`,
      `joined ${channel} as reliable`,
      `left ${channel} as publisher`,
      `left ${channel} as reliable`,
      `closed ${channel}`,
    ]);
  });

  it('is heard to die', async () => {
    const watched = watch(await busOf());
    const agent = agentOf(language);
    const [one, other] = [uniqueName(), uniqueName()];
    await agent.ask(`publisher ${one} capacity=4096`);
    await agent.ask(`subscriber ${other} capacity=4096`);
    await watched.until(`joined ${one} as publisher`);
    await watched.until(`joined ${other} as reliable`);
    await agent.kill();
    await watched.until(`closed ${one}`);
    await watched.until(`closed ${other}`);
  });

  it('shares the directory with a program in Node, whichever of them was there first', async () => {
    const agent = agentOf(language);
    const channel = define({ capacity: 4096 });
    const publisher = await publisherOf(channel);
    const own = uniqueName();
    await agent.ask(`publisher ${own} capacity=4096`);
    const bus = await busOf();
    expect((await bus.list()).map(({ name }) => name).sort()).toEqual([channel.name, own].sort());
    await publisher.close();
    expect((await bus.list()).map(({ name }) => name)).toEqual([own]);
  });

  it('leaves no trace where it is not to be discoverable', async () => {
    const agent = agentOf(language);
    const channel = uniqueName();
    await agent.ask(`publisher ${channel} capacity=4096 discoverable=no`);
    if (!onWindows) expect(readdirSync(directory).filter((file) => file.includes('directory'))).toEqual([]);
    expect(await (await busOf()).list()).toEqual([]);
  });

  it.each(DYING)('may die in the directory at the step: %s', async (step) => {
    const watched = watch(await busOf());
    for (let times = 1; times <= 3; times++) {
      const channel = uniqueName();
      const victim = agentOf(language);
      await victim.ask(`die-at ${times} ${step}`);
      await victim.dies(
        `publisher ${channel} capacity=4096 discoverable=yes`,
        'leave publisher',
        `publisher ${channel} capacity=4096 discoverable=yes`,
        'leave publisher',
      );
      const survivor = agentOf(language);
      const options = 'capacity=4096 delivery=lossy';
      expect(await survivor.ask(`subscriber ${channel} ${options}`)).toMatchObject({ words: [] });
      await watched.until(`joined ${channel} as lossy`);
      await survivor.exit();
      await watched.until(`closed ${channel}`);
    }
  });

  it('goes on where all entries are taken, and is listed once there is room', async () => {
    const bus = await busOf();
    const agent = agentOf(language);
    const channel = define({ capacity: 4096 });
    const publisher = await publisherOf(channel);
    const view = openDirectory();
    const [first = 0, second = 0, ...others] = entriesOf(view);
    for (const entry of [first, second, ...others]) writeEntry(view, entry, channel.name);
    expect(await talk(agent)).toContain('all entries of the directory are taken');
    // Of a channel that is gone.
    writeEntry(view, second, 'gone');
    const late = uniqueName();
    expect(await agent.ask(`publisher ${late} capacity=4096`)).toMatchObject({ words: [] });
    expect((await bus.list()).map(({ name }) => name)).toContain(late);
    await publisher.close();
  });

  it('goes on where the directory is of another version', async () => {
    const segment = openSegment({
      name: DIRECTORY_NAME,
      disposition: 'create',
      size: 2 ** 16,
      initialise: (memory) => {
        memory.set(Buffer.from('mmfbusch'));
        new DataView(memory.buffer).setUint32(FORMAT_VERSION, 99, true);
      },
    });
    segments.push(segment);
    expect(await talk(agentOf(language))).toMatch(/^not listed in the directory: .*version/);
  });

  it('goes on where the directory holds nothing but nonsense', async () => {
    const agent = agentOf(language);
    await agent.ask(`publisher ${uniqueName()} capacity=4096`);
    const view = openDirectory();
    for (let offset = PUBLISHER_LOCK; offset + 4 <= view.byteLength; offset += 4) {
      view.setUint32(offset, (offset * 0x9e3779b1) >>> 0, true);
    }
    await agent.ask('leave publisher');
    await talk(agent);
    await talk(agentOf(language));
    // No process can say of such a directory that it is not needed any more.
    new Uint8Array(view.buffer, PUBLISHER_LOCK).fill(0);
  });

  it('goes on where a program that lives keeps the directory locked', async () => {
    await busOf();
    const agent = agentOf(language);
    const view = openDirectory();
    const lock = new Int32Array(view.buffer, PUBLISHER_LOCK, 1);
    const generation = view.getUint32(PARTICIPANTS + GENERATION, true);
    Atomics.store(lock, 0, generation << SLOT_BITS);
    expect(await talk(agent)).toMatch(/^not listed in the directory: /);
    Atomics.store(lock, 0, 0);
    expect(await talk(agent)).toBe('');
  });
});
