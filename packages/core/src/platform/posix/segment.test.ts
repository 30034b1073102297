import {
  closeSync,
  existsSync,
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
import { exposeBytes, sharedBytes } from '../../shared-memory.js';
import type { Segment, SegmentRequest } from '../platform.js';
import { flock, LOCK_SH, mkfifo } from './libc.js';
import { encodeMark, markedFileSize } from './mark-layout.js';
import { DIRECTORY_VARIABLE } from './names.js';
import { openSegment } from './segment.js';

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

function open(disposition: SegmentRequest['disposition'], osName = 'name', size = 100) {
  return openSegment({ osName, disposition, size, existingSize: disposition === 'open' ? 0 : size });
}

function bytesOf({ memory, size }: Segment): Uint8Array {
  return exposeBytes(sharedBytes(memory, 0, size), 0, size);
}

/** What a process that was killed leaves: a marked file that nobody has locked. */
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
    leaveBehind(`mmfbus.${process.getuid?.()}.other`);
    open('create').close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is kept while somebody holds the lock who maps nothing', () => {
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
    writeFileSync(join(directory, 'name'), 'somebody else');
    segment.close();
    expect(readFileSync(join(directory, 'name'), 'utf8')).toBe('somebody else');
  });

  it('is a regular file and no link', () => {
    symlinkSync('/etc/hostname', join(directory, 'link'));
    expect(() => open('open', 'link')).toThrow(/cannot open .*ELOOP/);
    mkfifo(join(directory, 'fifo'), 0o600);
    expect(() => open('open', 'fifo')).toThrow(/not a regular file/);
    writeFileSync(join(directory, 'empty'), '');
    expect(() => open('open', 'empty')).toThrow(/is empty/);
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
