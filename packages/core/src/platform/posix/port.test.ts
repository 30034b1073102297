import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNow } from '../../opening.js';
import { sharedLongs } from '../../shared-memory.js';
import type { Audience, NamedPorts, Port, PortAddress } from '../platform.js';
import { mkfifo } from './libc.js';
import { DIRECTORY_VARIABLE, portPath, temporaryPath } from './names.js';
import { connectBell, openPort, probeLife, watchLife } from './port.js';
import { isProvedGone, ownIdentity } from './process.js';
import { openSegment } from './segment.js';
import { advanceRemovals, removePort, sweepPorts } from './sweeper.js';

let directory: string;
const before = process.env[DIRECTORY_VARIABLE];
const ports: Port[] = [];
const ME: Audience = { of: 'user', uid: process.getuid?.() ?? 0 };
const UNKNOWN = { pid: 0, startTime: 0n, pidNamespace: 0n, threadId: 0, threadStartTime: 0n };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mmfbus-test-port-'));
  process.env[DIRECTORY_VARIABLE] = directory;
});

afterEach(() => {
  for (const port of ports.splice(0)) port.close();
  rmSync(directory, { recursive: true });
  if (before === undefined) delete process.env[DIRECTORY_VARIABLE];
  else process.env[DIRECTORY_VARIABLE] = before;
});

function open(): Port {
  const port = openPort(ME);
  ports.push(port);
  return port;
}

/** A format that has the port's number in its first 8 bytes. */
const named: NamedPorts = (read) => [Buffer.from(read(0, 8)).readBigUInt64LE()];

/** What is left of a port whose owner died without an identity that could prove it. */
function deadPort(nonce: bigint): PortAddress {
  mkfifo(portPath(nonce, 'bell'), 0o600);
  mkfifo(portPath(nonce, 'life'), 0o600);
  return { ...UNKNOWN, nonce };
}

describe('a bell', () => {
  it('is heard once for many rings', async () => {
    const port = open();
    port.ref();
    const bell = connectBell(port.address);
    let heard = 0;
    const first = new Promise<void>((resolve) => {
      port.onRing = () => {
        heard++;
        resolve();
      };
    });
    expect([bell.ring(), bell.ring(), bell.ring()]).toEqual(['alive', 'alive', 'alive']);
    await first;
    expect(heard).toBe(1);
    bell.close();
    bell.close();
  });

  it('never blocks, however often it is rung', () => {
    const bell = connectBell(open().address);
    for (let count = 0; count < 70_000; count++) if (bell.ring() !== 'alive') throw new Error('not alive');
    bell.close();
  });

  it('that is not there proves nothing, and is rung as soon as it is', () => {
    const port = open();
    const path = portPath(port.address.nonce, 'bell');
    renameSync(path, join(directory, 'elsewhere'));
    const bell = connectBell(port.address);
    expect([bell.ring(), bell.ring()]).toEqual(['absent', 'absent']);
    renameSync(join(directory, 'elsewhere'), path);
    expect(bell.ring()).toBe('alive');
    bell.close();
  });

  it('of a port that was closed proves it dead to who is connected', () => {
    const port = open();
    const bell = connectBell(port.address);
    port.close();
    expect(bell.ring()).toBe('dead');
    bell.close();
  });
});

describe('a port', () => {
  it('knows whether others can find it', () => {
    const port = open();
    expect(port.isNamed()).toBe(true);
    rmSync(portPath(port.address.nonce, 'life'));
    expect(port.isNamed()).toBe(false);
    mkfifo(portPath(port.address.nonce, 'life'), 0o600);
    expect(port.isNamed()).toBe(false);
    port.close();
    expect(port.isNamed()).toBe(true);
  });

  it('that cannot be made leaves nothing', () => {
    process.env[DIRECTORY_VARIABLE] = join(directory, 'nowhere');
    const before = readdirSync('/proc/self/fd').length;
    expect(() => openPort(ME)).toThrow(/does not exist/);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('a life', () => {
  it('is alive while the port is open, and proves nothing where there is no trace of it', () => {
    expect(probeLife(open().address)).toBe('alive');
    expect(probeLife({ ...UNKNOWN, ...ownIdentity, nonce: 99n })).toBe('unknown');
    expect(probeLife({ ...UNKNOWN, ...ownIdentity, nonce: 99n, pidNamespace: 1n })).toBe('unknown');
  });

  it('is proved over where a port was swept whose owner had not said yet who it is', () => {
    expect(probeLife({ ...UNKNOWN, nonce: 99n })).toBe('dead');
  });

  it('is proved over by a bell that no process holds', () => {
    expect(probeLife(deadPort(98n))).toBe('dead');
  });

  it('is proved over by a start time that is not that of the process', () => {
    const { address } = open();
    expect(isProvedGone(address)).toBe(false);
    expect(probeLife({ ...address, startTime: address.startTime + 1n })).toBe('dead');
    expect(probeLife({ ...address, pidNamespace: 1n, startTime: 1n })).toBe('alive');
  });

  it('is heard to end, and also when it had ended before', async () => {
    const port = open();
    const ended = new Promise<void>((resolve) => watchLife(port.address, resolve));
    // The probe of a watch that begins alive comes first.
    await new Promise((resolve) => setImmediate(resolve));
    port.close();
    const keepAlive = setInterval(() => {}, 1000);
    await ended;
    await new Promise<void>((resolve) => watchLife(deadPort(97n), resolve));
    clearInterval(keepAlive);
  });

  it('is not heard of after the watch was closed', async () => {
    const port = open();
    const watch = watchLife(port.address, () => expect.unreachable());
    watch?.close();
    port.close();
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('what the dead leave', () => {
  it('is removed by proof', async () => {
    const address = deadPort(96n);
    await removePort(address, named);
    await removePort(address, named);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('stays while a segment names it, under whatever name, as the proof for others', async () => {
    const address = deadPort(93n);
    const initialise = ({ buffer }: Uint8Array<ArrayBuffer>) => new BigUint64Array(buffer).set([93n]);
    const request = { osName: 'any', disposition: 'create', size: 8, existingSize: 8 } as const;
    const segment = openNow(openSegment({ ...request, initialise }));
    await removePort(address, named);
    await sweepPorts(named);
    expect(probeLife(address)).toBe('dead');
    sharedLongs(segment.memory, 0, 1)[0] = 0n;
    await removePort(address, named);
    segment.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is not what belongs to a living process, even when the memory says that it is dead', async () => {
    const { address } = open();
    await removePort({ ...address, pid: 4194304 }, named);
    expect(readdirSync(directory).length).toBe(2);
  });

  it.each(['bell', 'life'] as const)(
    'is not a %s that is no FIFO: nothing is written, nothing removed',
    async (part) => {
      const { address } = open();
      for (const [name, make] of [
        ['a file', (path: string) => writeFileSync(path, '')],
        ['a link', (path: string) => symlinkSync(join(directory, 'other'), path)],
      ] as const) {
        rmSync(portPath(address.nonce, part), { force: true });
        writeFileSync(join(directory, 'other'), '');
        make(portPath(address.nonce, part));
        const bell = connectBell(address);
        expect(bell.ring(), name).toBe(part === 'bell' ? 'unknown' : 'alive');
        bell.close();
        watchLife(address, () => expect.unreachable())?.close();
        await removePort(address, named);
        await sweepPorts(named);
        expect(readFileSync(portPath(address.nonce, part), 'utf8'), name).toBe('');
        expect(readdirSync(directory).length, name).toBe(3);
      }
      rmSync(join(directory, 'other'));
      rmSync(portPath(address.nonce, part));
    },
  );

  it('is swept, and nothing else is', async () => {
    const alive = open();
    deadPort(95n);
    const temporary = temporaryPath();
    writeFileSync(temporary, '');
    const dead = temporary.replace(`.${process.pid}.`, '.4194304.');
    writeFileSync(dead, '');
    writeFileSync(join(directory, 'other'), '');
    await sweepPorts(named);
    expect(existsSync(portPath(alive.address.nonce, 'bell'))).toBe(true);
    expect(existsSync(portPath(alive.address.nonce, 'life'))).toBe(true);
    expect(existsSync(portPath(95n, 'bell'))).toBe(false);
    expect(existsSync(portPath(95n, 'life'))).toBe(false);
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(temporary)).toBe(true);
    expect(existsSync(join(directory, 'other'))).toBe(true);
  });

  it('is removed at once when the thread ends', () => {
    void removePort(deadPort(92n), named);
    expect(readdirSync(directory).length).toBe(2);
    void advanceRemovals(100);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is removed whatever else is in the directory', async () => {
    deadPort(91n);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'a-socket'), resolve));
    symlinkSync(join(directory, 'nowhere'), join(directory, 'a-link'));
    mkdirSync(join(directory, 'a-folder'));
    writeFileSync(join(directory, 'a-file'), 'x'.repeat(100_000));
    mkfifo(join(directory, 'a-fifo'), 0o600);
    await sweepPorts(named);
    expect(existsSync(portPath(91n, 'bell'))).toBe(false);
    expect(readdirSync(directory).length).toBe(5);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is found by reading each segment once, and others between the slices', async () => {
    const ports = 500;
    for (let nonce = 1; nonce <= ports; nonce++) deadPort(BigInt(nonce));
    const request = { disposition: 'create', size: 8, existingSize: 8 } as const;
    const initialise = ({ buffer }: Uint8Array<ArrayBuffer>) => new BigUint64Array(buffer).set([1n]);
    const segments = Array.from({ length: 100 }, (_, index) =>
      openNow(openSegment({ ...request, osName: `segment-${index}`, initialise })),
    );
    let reads = 0;
    let turns = 0;
    let sweeping = true;
    const countTurns = () => {
      turns++;
      if (sweeping) setImmediate(countTurns);
    };
    setImmediate(countTurns);
    await sweepPorts((read) => {
      reads++;
      return named(read);
    });
    sweeping = false;
    expect(reads).toBe(segments.length);
    expect(turns).toBeGreaterThan(1);
    expect(existsSync(portPath(1n, 'bell'))).toBe(true);
    for (const segment of segments) segment.close();
    expect(readdirSync(directory).length).toBe(2);
  });

  const isRoot = process.getuid?.() === 0;

  it.runIf(isRoot)(
    'is swept by its own user only, and removed by any that has proof of its death',
    async () => {
      const others = deadPort(90n);
      chownSync(portPath(90n, 'bell'), 1, 1);
      chownSync(portPath(90n, 'life'), 1, 1);
      await sweepPorts(named);
      expect(readdirSync(directory).length).toBe(2);
      await removePort(others, named);
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  it('is nothing where the port was closed', () => {
    open().close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('looks alive while a process reads the bell that should not', () => {
    const address = deadPort(94n);
    const reader = openSync(portPath(94n, 'bell'), constants.O_RDONLY | constants.O_NONBLOCK);
    expect(probeLife(address)).toBe('alive');
    closeSync(reader);
    expect(probeLife(address)).toBe('dead');
  });
});
