import { constants } from 'node:buffer';
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryMappedFile, ValidNamespaces } from '@mmfbus/core';
import { afterAll, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startCode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

const directory = ownDirectory('failing');
const cwd = join(workspaceRoot, 'test');
const folder = temporaryFolder('failing');

describe.skipIf(process.platform === 'win32')('without descriptors', () => {
  const attempts = {
    create: "MemoryMappedFile.create('new', 10)",
    open: 'MemoryMappedFile.open(name)',
    openReadOnly: 'MemoryMappedFile.openReadOnly(name)',
    openFile: `MemoryMappedFile.openFile(${JSON.stringify(join(folder, 'file'))}, 10)`,
    awaitSegment: "await awaitSegment({ name: 'new', disposition: 'create', size: 10 })",
    fromFile: "await MemoryMappedFile.fromFile('/etc/hostname', 'new')",
    dumpTo: `await base.dumpTo(${JSON.stringify(join(folder, 'dump'))})`,
  };

  it.each(Object.entries(attempts))('%s fails by an MmfError and leaves nothing', async (_, attempt) => {
    const name = uniqueName('descriptors');
    using _base = MemoryMappedFile.create(name, 10);
    const output = await startCode(
      `import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
       import { MemoryMappedFile } from '@mmfbus/core';
       import { awaitSegment } from '@mmfbus/core/internal';
       const name = ${JSON.stringify(name)};
       const folders = ${JSON.stringify([directory, folder])};
       const base = MemoryMappedFile.open(name);
       const hoard = [];
       const fill = () => { try { for (;;) hoard.push(openSync('/dev/null', 'r')); } catch {} };
       const drop = (count) => { for (let i = 0; i < count; i++) closeSync(hoard.pop()); };
       const left = () => [
         ...folders.flatMap((folder) => readdirSync(folder)),
         readFileSync('/proc/self/maps', 'latin1').split('\\n').filter((line) => line.includes(folders[0])).length,
       ].join();
       const before = left();
       const outcomes = new Set();
       for (let free = 0; free < 8; free++) {
         fill();
         drop(free);
         try {
           const made = ${attempt};
           made?.close();
           outcomes.add('made');
         } catch (error) {
           outcomes.add(error.name === 'MmfError' ? 'refused' : String(error));
         }
         const hoarded = hoard.length;
         fill();
         const lost = free - (hoard.length - hoarded);
         if (lost !== 0) outcomes.add(lost + ' descriptors are lost of ' + free);
         drop(8);
         for (const file of ['file', 'dump']) if (outcomes.has('made')) rmSync(folders[1] + '/' + file, { force: true });
         if (left() !== before) outcomes.add('left: ' + left());
       }
       console.log([...outcomes].sort().join('; '));`,
      { cwd, within: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] },
    ).success();
    expect(output).toBe('made; refused\n');
  });
});

describe.skipIf(process.platform === 'win32')('in a directory whose files this user may not remove', () => {
  const sealed = join(folder, 'sealed');
  afterAll(() => chmodSync(sealed, 0o700));

  it('a leftover is used again, or refused at once, and nothing new is made', async () => {
    mkdirSync(sealed);
    const maker = `import { MemoryMappedFile } from '@mmfbus/core';
       MemoryMappedFile.create('left', 100, { namespace: 2, mode: 0o666 }).write(new Uint8Array(100).fill(7));
       process.kill(process.pid, 'SIGKILL');`;
    const env = { MMFBUS_DIRECTORY: sealed };
    await startCode(maker, { cwd, env }).exit();
    expect(readdirSync(sealed)).toEqual(['left']);
    chmodSync(folder, 0o755);
    chmodSync(sealed, 0o555);
    const output = await startCode(
      `import { MemoryMappedFile } from '@mmfbus/core';
       import { awaitSegment, openSegment } from '@mmfbus/core/internal';
       if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
       const said = [];
       const attempt = (action) => { try { return action(); } catch (error) { said.push(error.code, error.message); } };
       const options = { namespace: ${ValidNamespaces.CUSTOM} };
       attempt(() => MemoryMappedFile.open('left', 0, options));
       attempt(() => MemoryMappedFile.create('left', 10_000, options));
       attempt(() => MemoryMappedFile.create('new', 1, options));
       const made = MemoryMappedFile.openOrCreate('left', 80, options);
       said.push(made.size, made.read().every((byte) => byte === 0));
       const second = MemoryMappedFile.open('left', 0, options);
       said.push(second.size);
       attempt(() => MemoryMappedFile.create('left', 80, options));
       made.close();
       second.close();
       const again = await awaitSegment({ name: 'left', ...options, disposition: 'create', size: 50 });
       said.push(again.created, again.size);
       again.close();
       console.log(JSON.stringify(said));`,
      { cwd, env },
    ).success();
    const said = JSON.parse(output);
    expect(said).toEqual([
      'NOT_FOUND',
      expect.stringMatching(/there is no/),
      'ACCESS_DENIED',
      expect.stringMatching(/left was left behind by user \d+, .*has 8192 bytes; 16384 are needed/),
      'ACCESS_DENIED',
      expect.stringMatching(/cannot create .*MMFBUS_DIRECTORY/),
      80,
      true,
      80,
      'EXISTS',
      expect.stringMatching(/exists already/),
      true,
      50,
    ]);
    expect(readdirSync(sealed)).toEqual(['left']);
  });
});

describe.skipIf(process.platform === 'win32')('a file that this user may only read', () => {
  it('is opened, and refused where it has to be locked', async () => {
    const file = join(folder, 'readable');
    MemoryMappedFile.openFile(file, 4).close();
    chmodSync(file, 0o444);
    chmodSync(folder, 0o755);
    const output = await startCode(
      `import { MemoryMappedFile } from '@mmfbus/core';
       // By a short name: another user may not look into the folders above.
       process.chdir(${JSON.stringify(folder)});
       if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
       const mapping = MemoryMappedFile.openFile('readable', 0, { readOnly: true });
       const said = [mapping.size];
       const attempt = (action) => { try { action(); } catch (error) { said.push(error.code, error.message); } };
       attempt(() => mapping.read());
       attempt(() => MemoryMappedFile.openFile('readable'));
       console.log(JSON.stringify(said));`,
      { cwd },
    ).success();
    expect(JSON.parse(output)).toEqual([
      4,
      'ACCESS_DENIED',
      'readable cannot be locked: this user may only read it',
      'ACCESS_DENIED',
      expect.stringContaining('cannot open readable'),
    ]);
  });
});

describe.runIf(process.getuid?.() === 0)('a file of another user under a name of this one', () => {
  it('is not opened', () => {
    const name = uniqueName('foreign');
    const path = join(directory, `mmfbus.0.${name}`);
    writeFileSync(path, new Uint8Array(100));
    chownSync(path, 65534, 65534);
    try {
      expect(() => MemoryMappedFile.open(name)).toThrow(
        expect.objectContaining({
          code: 'ACCESS_DENIED',
          message: expect.stringContaining('belongs to user 65534, not to this user, 0'),
        }),
      );
    } finally {
      rmSync(path);
    }
  });
});

describe.skipIf(process.platform !== 'linux')('where no file may grow that large', () => {
  it('nothing is made', async () => {
    const output = await startCode(
      `import { MemoryMappedFile } from '@mmfbus/core';
       try { MemoryMappedFile.create('new', 2 ** 22); } catch (error) { console.log(error.name, error.message); }`,
      { cwd, within: ['sh', '-c', 'ulimit -f 1024; exec "$@"', 'sh'] },
    ).success();
    expect(output).toMatch(/^MmfError cannot allocate .*posix_fallocate: EFBIG/);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('large pages in a directory where nothing is mounted', () => {
  it('are refused, and nothing is made', () => {
    expect(() => MemoryMappedFile.create(uniqueName('large'), 10, { largePages: true })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('huge=never') }),
    );
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('a file that cannot be mapped', () => {
  it.skipIf(constants.MAX_LENGTH > 2 ** 40)('is one that is larger than Node has memory for', () => {
    const file = join(folder, 'large');
    writeFileSync(file, '');
    truncateSync(file, constants.MAX_LENGTH + 1);
    expect(() => MemoryMappedFile.openFile(file)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('maps at most') }),
    );
  });

  it.runIf(process.platform === 'linux')('is one for which no addresses are left', async () => {
    const file = join(folder, 'wide');
    writeFileSync(file, '');
    truncateSync(file, 2 ** 31);
    const output = await startCode(
      `import { readFileSync } from 'node:fs';
       import { MemoryMappedFile } from '@mmfbus/core';
       import koffi from 'koffi';
       const taken = 1024 * Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
       const setrlimit = koffi.load(null).func('int setrlimit(int resource, uint64_t *limits)');
       const RLIMIT_AS = 9;
       setrlimit(RLIMIT_AS, BigUint64Array.of(BigInt(taken + 2 ** 30), BigInt(taken + 2 ** 30)));
       try { MemoryMappedFile.openFile(${JSON.stringify(file)}); } catch (error) { console.log(error.code, error.message); }`,
      { cwd, env: { MMFBUS_EXTERNAL_BUFFERS: undefined } },
    ).success();
    expect(output).toMatch(/^NO_SPACE cannot map 2147483648 bytes of .*mmap: ENOMEM/);
  });

  it.skipIf(process.platform === 'win32')('is one that is no regular file', () => {
    expect(() => MemoryMappedFile.openFile('/dev/null', 10)).toThrow(
      expect.objectContaining({
        code: 'ACCESS_DENIED',
        message: expect.stringContaining('is not a regular file'),
      }),
    );
  });

  it('is not made', () => {
    writeFileSync(join(folder, 'plain'), '');
    expect(() => MemoryMappedFile.openFile(join(folder, 'huge'), 2 ** 52)).toThrow(
      expect.objectContaining({ name: 'MmfError' }),
    );
    expect(readdirSync(folder)).not.toContain('huge');
  });
});
