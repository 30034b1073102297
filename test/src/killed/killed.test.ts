import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Subscriber } from '@mmfbus/channel';
import { MemoryMappedFile } from '@mmfbus/core';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Program, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import { joinedProgram } from '../support/workspace.js';
import {
  MAPPING_SIZE,
  type MappingName,
  type MortalTask,
  mortalChannel,
  randomFrom,
  spread,
} from './mortal.js';

/** To try another one: `MMFBUS_TEST_SEED=7 npm run test:proofs -- killed`. */
const SEED = Number(process.env['MMFBUS_TEST_SEED'] ?? 20_251);
/** Processes that run at a time. */
const BATCH = 8;
const WATCHDOG = 60_000;
/** Of a whole test: it starts many processes, and the machine may be slow. */
const TIMEOUT = 300_000;

// All processes of a test, and this one too, keep their segments and ports in a directory of their own.
const DIRECTORY = 'MMFBUS_DIRECTORY';
const folder = temporaryFolder('killed');
const directoryBefore = process.env[DIRECTORY];
let directory = '';
let directories = 0;

function useNewDirectory(): string {
  directory = join(folder, `${++directories}`);
  mkdirSync(directory);
  process.env[DIRECTORY] = directory;
  return directory;
}

beforeEach(() => void useNewDirectory());

/** Subscribers of this process; all share its one port. */
const witnesses: Subscriber<string>[] = [];

async function closeWitnesses(): Promise<void> {
  for (const witness of witnesses.splice(0)) await witness.close();
}

/** Has this process listen on the channel; what it hears. */
async function listenOn(name: string): Promise<string[]> {
  const heard: string[] = [];
  const witness = await mortalChannel(name).subscriber();
  witnesses.push(witness.on('message', ({ value }) => heard.push(value)));
  return heard;
}

// Also after a failure: a port that stayed open would be in the wrong directory for the next test.
afterEach(closeWitnesses);

afterAll(() => {
  if (directoryBefore === undefined) delete process.env[DIRECTORY];
  else process.env[DIRECTORY] = directoryBefore;
});

function start(task: MortalTask): Program {
  return startNode(joinedProgram('killed/mortal'), { args: [JSON.stringify(task)], watchdog: WATCHDOG });
}

/** What the next one to come finds: mappings are made anew, and hold zeros. */
function createMappings(mappings: readonly MappingName[]): void {
  for (const { name, namespace } of mappings) {
    using mapping = MemoryMappedFile.create(name, MAPPING_SIZE, { namespace });
    expect(mapping.read().some((byte) => byte !== 0)).toBe(false);
  }
}

/** And on each channel a message gets through. */
async function talkOn(channels: readonly string[]): Promise<void> {
  for (const name of channels) {
    const channel = mortalChannel(name);
    await using subscriber = await channel.subscriber();
    await using publisher = await channel.publisher();
    const arrived = new Promise<string>((resolve) =>
      subscriber.once('message', ({ value }) => resolve(value)),
    );
    await publisher.publish('fresh');
    expect(await arrived).toBe('fresh');
  }
}

/** Runs `action` for all items, some at a time. */
async function inBatches<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += BATCH) {
    await Promise.all(items.slice(from, from + BATCH).map(action));
  }
}

describe.runIf(process.platform !== 'win32')('processes that are killed', { timeout: TIMEOUT }, () => {
  const MOST_LINES = 40;

  /** The kill comes at a line of the process's output, which goes on meanwhile: not at a time, and anywhere. */
  async function killMany(
    count: number,
    mappings: readonly MappingName[],
    channels: readonly string[],
  ): Promise<void> {
    const random = randomFrom(SEED);
    const lives = Array.from({ length: count }, () => ({
      seed: random(2 ** 31),
      lines: 1 + random(MOST_LINES),
    }));
    await inBatches(lives, async ({ seed, lines }) => {
      const program = start({ life: 'forever', seed, mappings, channels, diesAtCall: 0 });
      for (let line = 0; line < lines; line++) await program.waitForLine(/./);
      program.kill('SIGKILL');
      expect(await program.exit(), `seed ${seed} of ${SEED}`).toMatchObject({
        signal: 'SIGKILL',
        stderr: '',
      });
    });
  }

  const mappings = spread(['a', 'b', 'c', 'd'].map(uniqueName));
  const channels = ['x', 'y'].map(uniqueName);

  it('a hundred of them, leave nothing that the next ones trip over, and nothing at all after those', async () => {
    await killMany(100, mappings, channels);
    const left = readdirSync(directory);
    createMappings(mappings);
    await talkOn(channels);
    expect(readdirSync(directory), `seed ${SEED}; before the sweep: ${left.join(' ')}`).toEqual([]);
  });

  it('leave a channel that others have open in order, and only what was theirs is swept', async () => {
    for (const name of channels) await listenOn(name);
    await killMany(40, mappings, channels);
    createMappings(mappings);
    await talkOn(channels);
    // A port whose owner died before it took a slot, or after it gave it back, is swept by the next process that opens
    // one. This process has its own open already.
    await start({ life: 'channel', seed: 0, mappings: [], channels, diesAtCall: 0 }).success();
    const left = readdirSync(directory);
    // The segments of the channels and of the directory, and the one port of this process.
    const kinds = [...channels, '~directory', '.bell', '.life'].map(
      (end) => left.filter((file) => file.endsWith(end)).length,
    );
    expect({ kinds, files: left.length }, `seed ${SEED}: ${left.join(' ')}`).toEqual({
      kinds: [1, 1, 1, 1, 1],
      files: 5,
    });
    await closeWitnesses();
    expect(readdirSync(directory), `seed ${SEED}`).toEqual([]);
  });
});

describe.runIf(process.platform !== 'win32')(
  'a process that dies at any of its calls to the file system',
  { timeout: TIMEOUT },
  () => {
    const nothing = { seed: 0, mappings: [], channels: [], diesAtCall: 0 };

    /** The numbers of the calls of a whole life, from a process that lives it to its end. */
    async function callsOf(task: MortalTask): Promise<number[]> {
      const output = await start(task).success();
      const count = output.match(/^call /gm)?.length ?? 0;
      expect(count).toBeGreaterThan(5);
      return Array.from({ length: count }, (_, index) => index + 1);
    }

    /** Lives up to that call; tells what it did last. */
    async function dieAt(call: number, task: MortalTask): Promise<string> {
      const { signal, status, stdout, stderr } = await start({ ...task, diesAtCall: call }).exit();
      // Whether a process sleeps and has to be rung differs from run to run: there may be fewer calls than were counted.
      expect(signal ?? status, `call ${call}: ${stderr}`).toSatisfy((end) => end === 'SIGKILL' || end === 0);
      return stdout.trimEnd().split('\n').at(-1) ?? '';
    }

    /** Each dies in a directory of its own: the sweep after one must not hide what another left. */
    async function dieAtEach(task: MortalTask, sweep: () => unknown): Promise<void> {
      const calls = await callsOf(task);
      expect(readdirSync(directory)).toEqual([]);
      const deaths: { readonly place: string; readonly last: string }[] = [];
      await inBatches(calls, async (call) => {
        const place = useNewDirectory();
        deaths.push({ place, last: await dieAt(call, task) });
      });
      const left: string[] = [];
      for (const { place, last } of deaths) {
        process.env[DIRECTORY] = place;
        const before = readdirSync(place).join(' ');
        await sweep();
        const after = readdirSync(place).join(' ');
        if (after !== '') left.push(`died at "${last}", left ${before}; still there: ${after}`);
      }
      expect(left).toEqual([]);
    }

    it('with mappings, leaves nothing after the next one has created them', async () => {
      const mappings = spread(['a', 'b', 'c'].map(uniqueName));
      await dieAtEach({ ...nothing, life: 'mapping', mappings }, () => createMappings(mappings));
    });

    it('with a channel, leaves nothing after the next ones have joined it', async () => {
      const channels = [uniqueName('x')];
      await dieAtEach({ ...nothing, life: 'channel', channels }, () => talkOn(channels));
    });

    it('with a channel that others have open, holds none of them up', async () => {
      const taskOf = (name: string): MortalTask => ({ ...nothing, life: 'channel', channels: [name] });
      const first = uniqueName('first');
      await listenOn(first);
      await inBatches(await callsOf(taskOf(first)), async (call) => {
        const name = uniqueName(`call-${call}`);
        const heard = await listenOn(name);
        const last = await dieAt(call, taskOf(name));
        await talkOn([name]);
        await expect
          .poll(() => heard.at(-1), { message: `after a death at "${last}"`, timeout: WATCHDOG })
          .toBe('fresh');
      });
      await closeWitnesses();
      // Opens a port anew, and so sweeps those that no slot names.
      await talkOn([first]);
      expect(readdirSync(directory)).toEqual([]);
    });
  },
);
