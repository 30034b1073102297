import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openInTurns, openNow } from '../../opening.js';
import { exposeBytes, sharedBytes } from '../../shared-memory.js';
import { timers } from '../../timers.js';
import type { Segment, SegmentRequest } from '../platform.js';
import { flock, LOCK_EX, LOCK_SH, mkfifo } from './libc.js';
import { encodeMark, markedFileSize } from './mark-layout.js';
import { DIRECTORY_VARIABLE } from './names.js';
import { openSegment as startOpening } from './segment.js';

let directory: string;
const before = process.env[DIRECTORY_VARIABLE];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mmfbus-test-segment-'));
  process.env[DIRECTORY_VARIABLE] = directory;
});

afterEach(() => {
  rmSync(directory, { recursive: true });
  if (before === undefined) delete process.env[DIRECTORY_VARIABLE];
  else process.env[DIRECTORY_VARIABLE] = before;
});

function openSegment(request: SegmentRequest): Segment {
  return openNow(startOpening(request));
}

function open(disposition: SegmentRequest['disposition'], osName = 'name', size = 100) {
  return openSegment({ osName, disposition, size, existingSize: disposition === 'open' ? 0 : size });
}

function bytesOf({ memory, size }: Segment): Uint8Array {
  return exposeBytes(sharedBytes(memory, 0, size), 0, size);
}

/** What a process that was killed leaves: a marked file that no process has locked. */
function leaveBehind(name: string): void {
  const file = Buffer.alloc(markedFileSize(100, 4096), 0xee);
  encodeMark(100).copy(file, file.length - 64);
  writeFileSync(join(directory, name), file);
}

describe('a segment file', () => {
  it('holds the window, then a mark with its exact size in a page of its own', () => {
    const segment = open('create');
    bytesOf(segment).fill(0xab);
    const file = readFileSync(join(directory, 'name'));
    expect(file.length).toBe(8192);
    expect(file.subarray(0, 100)).toEqual(Buffer.alloc(100, 0xab));
    expect(file.subarray(-64).toString('latin1').replace(/\0+$/, '')).toBe('mmfbus\0\x01d');
    const second = open('open');
    expect(second.size).toBe(100);
    second.close();
    segment.close();
  });

  it('is private to its user unless asked otherwise', () => {
    const segment = open('create');
    const wide = openSegment({
      osName: 'wide',
      disposition: 'create',
      size: 1,
      existingSize: 0,
      mode: 0o666,
    });
    const modes = ['name', 'wide'].map((name) => statSync(join(directory, name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o666]);
    segment.close();
    wide.close();
  });

  it('of dead holders is a leftover: not opened, and replaced by zeros', () => {
    leaveBehind('name');
    expect(() => open('open')).toThrow(/there is no/);
    leaveBehind('name');
    const segment = open('create');
    expect(bytesOf(segment)).toEqual(new Uint8Array(100));
    segment.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('of dead holders is swept when another one is created, whatever its name', () => {
    const left = `mmfbus.${process.getuid?.()}.other`;
    leaveBehind(left);
    // Neither what no user of ours made nor what cannot be opened stands in the way.
    const others = [`mmfbus.g.fifo`, 'mmfbus.g.folder', 'mmfbus.g.link', 'mmfbus.g.other-format'];
    mkfifo(join(directory, 'mmfbus.g.fifo'), 0o600);
    mkdirSync(join(directory, 'mmfbus.g.folder'));
    symlinkSync('nowhere', join(directory, 'mmfbus.g.link'));
    writeFileSync(join(directory, 'mmfbus.g.other-format'), Buffer.alloc(8192, 7));
    const segment = open('create');
    expect(readdirSync(directory).sort()).toEqual([...others, 'name']);
    segment.close();
    expect(readdirSync(directory).sort()).toEqual(others);
  });

  it('of dead holders is swept once a thread in a crowded directory, between turns of the event loop', async () => {
    vi.resetModules();
    const { openSegment: startOpening } = await import('./segment.js');
    const create = (osName: string) =>
      openNow(startOpening({ osName, disposition: 'create', size: 1, existingSize: 1 }));
    const prefix = `mmfbus.${process.getuid?.()}.`;
    for (let index = 0; index < 300; index++) leaveBehind(`${prefix}${index}`);
    const segments = [create('first')];
    await vi.waitFor(() => expect(readdirSync(directory)).toEqual(['first']), { timeout: 60_000 });
    leaveBehind(`${prefix}later`);
    segments.push(create('second'));
    expect(readdirSync(directory)).toContain(`${prefix}later`);
    for (const segment of segments) segment.close();
    rmSync(join(directory, `${prefix}later`));
  });

  it('is kept while a process holds the lock that maps nothing', () => {
    const segment = open('create');
    const fd = openSync(join(directory, 'name'), 'r');
    expect(flock(fd, LOCK_SH)).toBe(true);
    segment.close();
    expect(existsSync(join(directory, 'name'))).toBe(true);
    closeSync(fd);
  });

  it('is removed with the last segment over it, without waiting for those of the same thread', () => {
    const wait = vi.spyOn(Atomics, 'wait');
    const first = open('create');
    const second = open('open');
    first.close(true);
    expect(existsSync(join(directory, 'name'))).toBe(true);
    second.close(true);
    expect(existsSync(join(directory, 'name'))).toBe(false);
    expect(wait).not.toHaveBeenCalled();
    wait.mockRestore();
  });

  it('without a mark is opened whole, and never removed', () => {
    writeFileSync(join(directory, 'name'), Buffer.alloc(10, 1));
    const segment = open('open');
    expect(bytesOf(segment)).toEqual(new Uint8Array(10).fill(1));
    expect(() => open('create')).toThrow(/exists already/);
    segment.close();
    expect(existsSync(join(directory, 'name'))).toBe(true);
  });

  it('is never removed under another name that took its place', () => {
    const segment = open('create');
    rmSync(join(directory, 'name'));
    writeFileSync(join(directory, 'name'), 'another else');
    segment.close();
    expect(readFileSync(join(directory, 'name'), 'utf8')).toBe('another else');
  });

  it('is a regular file and no link', () => {
    symlinkSync('/etc/hostname', join(directory, 'link'));
    expect(() => open('open', 'link')).toThrow(/cannot open .*ELOOP/);
    mkfifo(join(directory, 'fifo'), 0o600);
    expect(() => open('open', 'fifo')).toThrow(/not a regular file/);
    writeFileSync(join(directory, 'empty'), '');
    expect(() => open('open', 'empty')).toThrow(/is empty/);
  });

  describe('that another process keeps locked', () => {
    const request = { osName: 'name', disposition: 'open-or-create', size: 100, existingSize: 0 } as const;
    let other: number;

    beforeEach(() => {
      leaveBehind('name');
      other = openSync(join(directory, 'name'), 'r');
      flock(other, LOCK_EX);
    });

    it('is waited for without blocking, until the signal aborts', async () => {
      const wait = vi.spyOn(Atomics, 'wait');
      const controller = new AbortController();
      const opening = openInTurns(startOpening(request), { signal: controller.signal });
      await timers.sleep(5);
      controller.abort(new Error('enough'));
      await expect(opening).rejects.toThrow('enough');
      expect(wait).not.toHaveBeenCalled();
      wait.mockRestore();
      closeSync(other);
      expect(readdirSync(directory)).toEqual(['name']);
    });

    it('is BUSY after the time that was given', async () => {
      await expect(openInTurns(startOpening(request), { timeout: 1 })).rejects.toMatchObject({
        code: 'BUSY',
      });
      expect(() => openSegment(request)).toThrow(expect.objectContaining({ code: 'BUSY' }));
      closeSync(other);
    });

    it('is opened when the other one is done', async () => {
      const opening = openInTurns(startOpening(request), {});
      await timers.sleep(5);
      closeSync(other);
      const segment = await opening;
      expect(segment.created).toBe(true);
      segment.close();
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('that is large is made in more turns than one, and nothing is left when that is given up', () => {
    const steps = startOpening({ osName: 'name', disposition: 'create', size: 2 ** 25, existingSize: 0 });
    expect(steps.next()).toEqual({ done: false, value: 0 });
    expect(readdirSync(directory)).toHaveLength(1);
    steps.return(undefined as never);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['', /^MMFBUS_DIRECTORY is empty/],
    ['none', /none \(MMFBUS_DIRECTORY names the directory\) does not exist/],
    ['file', /file \(MMFBUS_DIRECTORY names the directory\) is not a directory/],
    ['n'.repeat(300), /nn \(MMFBUS_DIRECTORY names the directory\) cannot be looked at: ENAMETOOLONG/],
  ])('is nowhere where the directory is %j', (name, message) => {
    writeFileSync(join(directory, 'file'), '');
    process.env[DIRECTORY_VARIABLE] = name === '' ? '' : join(directory, name);
    for (const disposition of ['open', 'create', 'open-or-create'] as const) {
      expect(() => open(disposition)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
      );
    }
  });

  it('leaves nothing when its contents could not be made', () => {
    const initialise = () => {
      throw new Error('mine');
    };
    const create = () =>
      openSegment({ osName: 'name', disposition: 'create', size: 10, existingSize: 0, initialise });
    expect(create).toThrow('mine');
    expect(readdirSync(directory)).toEqual([]);
  });
});
