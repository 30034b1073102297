import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { join } from 'node:path';
import { errnoName, fromFsError } from '../../os-error.js';
import type { Bell, LifeWatch, Liveness, NamesPort, Port, PortAddress } from '../platform.js';
import { duplicate, mkfifo } from './libc.js';
import {
  directory,
  nonceOf,
  ownFileNames,
  portPath,
  sweepTemporaries,
  temporaryPath,
  unlinkIfThere,
} from './names.js';
import { isProvedGone, ownIdentity } from './process.js';
import { someSegment } from './segment-file.js';

/*
 * A port is two FIFOs. The bell: its owner holds it open for reading and writing and waits for bytes in its event loop;
 * opening it for writing gives ENXIO, and writing gives EPIPE, from the moment the owner is dead. The life line: its
 * owner is its only writer, so whoever reads it gets end-of-file when the owner is dead. Nobody else may ever open
 * either of them for writing and reading at once: that would fake life.
 *
 * The FIFOs of the dead are the only proof of the death of a Worker whose process lives, and of a process in another PID
 * namespace. So they stay until no segment names their port any more.
 */

const NON_BLOCKING = constants.O_NONBLOCK | constants.O_NOFOLLOW;
const FIFO_MODE = 0o600;
const RING = new Uint8Array(1);
const MAX_REMOVE_TRIES = 100;
const REMOVE_RETRY_MILLISECONDS = 1;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** A FIFO that has its owner before it has its name, so that it never looks dead. */
function makeFifo(path: string): number {
  const temporary = temporaryPath();
  mkfifo(temporary, FIFO_MODE);
  try {
    const fd = openSync(temporary, constants.O_RDWR | NON_BLOCKING);
    renameSync(temporary, path);
    return fd;
  } catch (error) {
    unlinkIfThere(temporary);
    throw fromFsError(error, `cannot make ${path}`);
  }
}

/**
 * A descriptor that Node does not know of. Node closes what `fs` opened in a Worker that is terminated; so does the
 * socket that has it by then, and the second close may hit a descriptor that is somebody else's already.
 */
function detachFromNode(fd: number): number {
  try {
    return duplicate(fd);
  } finally {
    closeSync(fd);
  }
}

/** Watches a descriptor for reading from the event loop, which then owns it: no thread, no polling. */
function watch(fd: number, onData: () => void): Socket {
  const onread: OnReadOpts = {
    buffer: new Uint8Array(4096),
    callback: () => {
      onData();
      return true;
    },
  };
  // The types know `onread` for connecting sockets only.
  const socket = new Socket({
    fd: detachFromNode(fd),
    readable: true,
    writable: false,
    onread,
  } as SocketConstructorOpts);
  socket.unref();
  return socket;
}

class FifoPort implements Port {
  readonly address: PortAddress;
  onRing: (() => void) | undefined;
  readonly #bell: Socket;
  readonly #lifeFd: number;
  #open = true;

  constructor() {
    // 63 bits, so that the number is the same read as signed and as unsigned.
    const nonce = BigInt.asUintN(63, randomBytes(8).readBigUInt64LE()) || 1n;
    this.address = { nonce, ...ownIdentity, threadId: 0, threadStartTime: 0n };
    this.#lifeFd = makeFifo(portPath(nonce, 'life'));
    this.#bell = watch(makeFifo(portPath(nonce, 'bell')), () => this.onRing?.());
  }

  ref(): void {
    this.#bell.ref();
  }

  unref(): void {
    this.#bell.unref();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#bell.destroy();
    closeSync(this.#lifeFd);
    unlinkFifos(this.address.nonce);
  }
}

/** See {@link Platform.openPort}. */
export function openPort(): Port {
  return new FifoPort();
}

/** Opens a FIFO that somebody made, and nothing else that has come to have its name. */
function openFifo(path: string, flags: number): number {
  const fd = openSync(path, flags | NON_BLOCKING);
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw new Error(`${path} is not a FIFO`);
}

/** Opens a bell for ringing. */
function openBell(path: string): number | 'dead' | 'absent' | 'unknown' {
  try {
    return openFifo(path, constants.O_WRONLY);
  } catch (error) {
    const code = errnoName(error);
    return code === 'ENXIO' ? 'dead' : code === 'ENOENT' ? 'absent' : 'unknown';
  }
}

function isBellDead(path: string): boolean {
  const fd = openBell(path);
  if (typeof fd === 'number') closeSync(fd);
  return fd === 'dead';
}

function isLifeLineDead(path: string): boolean {
  let fd: number | undefined;
  try {
    fd = openFifo(path, constants.O_RDONLY);
    return readSync(fd, Buffer.alloc(1)) === 0;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** See {@link Platform.probeLife}. */
export function probeLife(address: PortAddress): Liveness {
  // A child that was forked, and inherited the FIFOs, fakes its parent's life: hence the proof by pid as well.
  if (isProvedGone(address)) return 'dead';
  const fd = openBell(portPath(address.nonce, 'bell'));
  if (typeof fd === 'number') {
    closeSync(fd);
    return 'alive';
  }
  // Whoever has claimed something and not yet said who it is was alive, with its port, the moment before. The port can
  // only have been swept, which takes a proof of death.
  if (fd === 'absent') return address.pid === 0 ? 'dead' : 'unknown';
  return fd;
}

class FifoBell implements Bell {
  readonly #address: PortAddress;
  #fd: number | undefined;

  constructor(address: PortAddress) {
    this.#address = address;
    const fd = openBell(portPath(address.nonce, 'bell'));
    this.#fd = typeof fd === 'number' ? fd : undefined;
  }

  ring(): Liveness {
    if (this.#fd === undefined) return probeLife(this.#address);
    try {
      writeSync(this.#fd, RING);
      return 'alive';
    } catch (error) {
      // EAGAIN: the FIFO is full of rings that the owner has not heard yet.
      const code = errnoName(error);
      return code === 'EPIPE' ? 'dead' : code === 'EAGAIN' ? 'alive' : 'unknown';
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** See {@link Platform.connectBell}. */
export function connectBell(address: PortAddress): Bell {
  return new FifoBell(address);
}

/** See {@link Platform.watchLife}. */
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch {
  let reported = false;
  const report = () => {
    if (reported) return;
    reported = true;
    onDeath();
  };
  let socket: Socket | undefined;
  try {
    const fd = openFifo(portPath(address.nonce, 'life'), constants.O_RDONLY);
    socket = watch(fd, () => {});
    socket.once('close', report);
  } catch {
    // No life line to read: the probe below, and the next one somebody makes, are what is left.
  }
  // A watch that begins after the death is never called.
  const probe = setImmediate(() => {
    if (probeLife(address) === 'dead') report();
  });
  return {
    close: () => {
      reported = true;
      clearImmediate(probe);
      socket?.destroy();
    },
  };
}

/**
 * See {@link Platform.removePort}. What the memory says of a process may be wrong, and a port without its files cannot be
 * rung by anybody, in any channel. So this asks the files themselves; what a forked child keeps open is swept later.
 */
export function removePort({ nonce }: PortAddress, names: NamesPort): void {
  const [bell, life] = [portPath(nonce, 'bell'), portPath(nonce, 'life')];
  for (let tries = 0; tries < MAX_REMOVE_TRIES && (existsSync(bell) || existsSync(life)); tries++) {
    // The last threads of a dead process may hold its files a moment longer.
    if (tries > 0) Atomics.wait(sleeper, 0, 0, REMOVE_RETRY_MILLISECONDS);
    if (!isLifeLineDead(life) && !isBellDead(bell)) continue;
    if (!someSegment((read) => names(read, nonce))) unlinkFifos(nonce);
    return;
  }
}

/** See {@link Platform.sweepPorts}; removes unfinished files as well. */
export function sweepPorts(names: NamesPort): void {
  const fileNames = ownFileNames();
  sweepTemporaries(fileNames);
  const dead = fileNames.filter((fileName) => {
    const path = join(directory(), fileName);
    return fileName.endsWith('.bell') ? isBellDead(path) : fileName.endsWith('.life') && isLifeLineDead(path);
  });
  for (const fileName of dead) {
    const nonce = nonceOf(fileName);
    if (nonce !== undefined && !someSegment((read) => names(read, nonce))) unlinkFifos(nonce);
  }
}

function unlinkFifos(nonce: bigint): void {
  unlinkIfThere(portPath(nonce, 'bell'));
  unlinkIfThere(portPath(nonce, 'life'));
}
