import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessOfNew, audienceOf, portAccess } from './audience.js';
import { DIRECTORY_VARIABLE } from './names.js';

const me = process.getuid?.() ?? 0;
const myGroup = process.getgid?.() ?? 0;
const isRoot = me === 0;
const before = process.env[DIRECTORY_VARIABLE];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mmfbus-test-audience-'));
  process.env[DIRECTORY_VARIABLE] = directory;
});

afterEach(() => {
  rmSync(directory, { recursive: true });
  if (before === undefined) delete process.env[DIRECTORY_VARIABLE];
  else process.env[DIRECTORY_VARIABLE] = before;
});

describe.skipIf(process.platform === 'win32')('the audience of a segment', () => {
  it.each([
    [0o600, 'user'],
    [0o640, 'user'],
    [0o644, 'user'],
    [0o646, 'user'],
    // All but a group: that cannot be said of a FIFO of another user in the same way.
    [0o606, 'user'],
    [0o660, 'group'],
    [0o664, 'group'],
    [0o666, 'everyone'],
    [0o777, 'everyone'],
  ] as const)('of the mode %o is %s', (mode, of) => {
    expect(audienceOf({ uid: me, gid: myGroup, mode })).toMatchObject({ of });
  });

  it('has a port that lets in no user that the segment does not', () => {
    for (let mode = 0o600; mode <= 0o777; mode++) {
      if ((mode & 0o600) !== 0o600) continue;
      const { bell, life } = portAccess(audienceOf({ uid: me, gid: myGroup, mode }));
      expect((bell.mode ?? 0) & ~mode).toBe(0);
      expect((life.mode ?? 0) & ~mode).toBe(0);
    }
  });

  it.skipIf(isRoot)('does not take in a user that is not of it', () => {
    const group = Math.max(...(process.getgroups?.() ?? [0])) + 1;
    expect(() => audienceOf({ uid: me, gid: group, mode: 0o660 })).toThrow(/is no member of that group/);
    expect(() => audienceOf({ uid: me + 1, gid: myGroup, mode: 0o600 })).toThrow(/lets in user \d+ alone/);
  });

  it('of a new one is said by mode and group', () => {
    expect(accessOfNew()).toMatchObject({ uid: me, mode: 0o600 });
    expect(accessOfNew(0o660, 1234)).toEqual({ uid: me, gid: 1234, mode: 0o660 });
    const nobodys = 'no-group-has-this-name';
    expect(() => accessOfNew(0o660, nobodys)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(nobodys) }),
    );
  });

  it.runIf(process.platform === 'linux')('knows groups by their names', () => {
    expect(accessOfNew(0o660, 'root')).toMatchObject({ gid: 0 });
  });

  it.runIf(isRoot && process.platform === 'linux')('has the group of a directory that gives its own', () => {
    chownSync(directory, 0, 4321);
    expect(accessOfNew()).toMatchObject({ gid: myGroup });
    chmodSync(directory, 0o2770);
    expect(accessOfNew()).toMatchObject({ gid: 4321 });
  });
});
