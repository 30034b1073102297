import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Directory } from '../directory/directory.js';
import { directoryPlace } from '../directory/directory-place.js';
import { Feed } from './feed.js';

const never = new AbortController().signal;
let folder: string;
let before: string | undefined;
let directory: Directory;

beforeEach(async () => {
  before = process.env['MMFBUS_DIRECTORY'];
  folder = mkdtempSync(join(tmpdir(), 'mmfbus-test-feed-'));
  process.env['MMFBUS_DIRECTORY'] = folder;
  directory = await Directory.open(directoryPlace('user', undefined), never, () => {});
});

afterEach(() => {
  directory.close();
  if (before === undefined) delete process.env['MMFBUS_DIRECTORY'];
  else process.env['MMFBUS_DIRECTORY'] = before;
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

describe('the feed of a watch', () => {
  it('begins with a look at everything, and has a channel looked at once more when asked', async () => {
    const feed = await Feed.open(directory, never);
    expect([feed.take(), feed.take()]).toEqual(['all', undefined]);
    feed.lookAgain('channel');
    expect(feed.take()).toBeUndefined();
    await feed.wait();
    expect([feed.take(), feed.take()]).toEqual([{ kind: 'changed', channel: 'channel' }, undefined]);
    await feed.close();
  });

  it('tells nothing once it is closed, also of what was to be looked at again', async () => {
    const feed = await Feed.open(directory, never);
    feed.lookAgain('channel');
    await feed.close();
    await feed.wait();
    expect(() => feed.take()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

describe('a directory that was closed', () => {
  it('has nothing to tell, and nothing to leave', async () => {
    await directory.enter('channel', never);
    expect(directory.lastNotice()).toBe(1);
    directory.close();
    expect(directory.lastNotice()).toBe(0);
    expect(directory.tryLeave('channel', true)).toBe(true);
  });
});
