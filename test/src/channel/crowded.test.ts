import { spawnSync } from 'node:child_process';
import { chownSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSegment } from '@mmfbus/core/internal';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

const directory = ownDirectory('crowded');
const FILES = 20_000;
const SEGMENTS = 2_100;
/** Steps with files that a turn of the event loop may take, whatever the directory holds. */
const MOST_STEPS = 2_000;
const isRoot = process.getuid?.() === 0;
const onWindows = process.platform === 'win32';

interface Join {
  /** The most steps in one turn. */
  readonly most: number;
  /** Files opened until all was quiet. */
  readonly opened: number;
}

/** Joins so many channels in a process of its own. */
async function joinChannels(count: number): Promise<Join[]> {
  const args = Array.from({ length: count }, () => uniqueName('crowded'));
  const lines = await startProgram('crowded-joins', { args }).success();
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The files of 10,000 ports, of which no process has one open. */
function makeFifos(): string[] {
  const names = Array.from({ length: FILES }, (_, index) => {
    const nonce = ((index >> 1) + 1).toString(16).padStart(16, '0');
    return `mmfbus~${nonce}.${index % 2 === 0 ? 'bell' : 'life'}`;
  });
  expect(spawnSync('mkfifo', names, { cwd: directory }).status).toBe(0);
  return names;
}

describe.skipIf(onWindows)('joining the first channel does not hold up the event loop', () => {
  it.runIf(isRoot)('where another user has 20,000 FIFOs, which stay', async () => {
    const paths = makeFifos().map((name) => join(directory, name));
    for (const path of paths) chownSync(path, 1, 1);
    const [first] = await joinChannels(1);
    expect(first?.most).toBeLessThan(MOST_STEPS);
    expect(readdirSync(directory)).toHaveLength(FILES);
    for (const path of paths) rmSync(path);
  });

  it('where dead processes have left 20,000 FIFOs, which are removed', async () => {
    makeFifos();
    const [first] = await joinChannels(1);
    expect(first?.most).toBeLessThan(MOST_STEPS);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('where there are 20,000 files of others', async () => {
    const paths = Array.from({ length: FILES }, (_, index) => join(directory, `${index}`));
    for (const path of paths) writeFileSync(path, '');
    const [first] = await joinChannels(1);
    expect(first?.most).toBeLessThan(MOST_STEPS);
    expect(readdirSync(directory)).toHaveLength(FILES);
    for (const path of paths) rmSync(path);
  });
});

describe.skipIf(onWindows)('where there are 2,100 segments', () => {
  it('the first that a process creates has each looked at, the next ones none', async () => {
    const segments = Array.from({ length: SEGMENTS }, () =>
      openSegment({ name: uniqueName('segment'), disposition: 'create', size: 8 }),
    );
    const [first, ...next] = await joinChannels(3);
    expect(first?.opened).toBeGreaterThan(SEGMENTS);
    expect(first?.most).toBeLessThan(MOST_STEPS);
    for (const { opened } of next) expect(opened).toBeLessThan(20);
    for (const segment of segments) segment.close();
  });
});
