import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync, renameSync } from 'node:fs';
import { errnoName, fromFsError } from '../../os-error.js';
import type { Access } from '../platform.js';
import { giveTo } from './group.js';
import { mkfifo } from './libc.js';
import { portPath, temporaryPath, unlinkIfThere } from './names.js';

/*
 * A port is two FIFOs. The bell: its owner holds it open for reading and writing and waits for bytes in its event loop;
 * opening it for writing gives ENXIO, and writing gives EPIPE, from the moment the owner is dead. The life line: its
 * owner is its only writer, so a reader gets end-of-file when the owner is dead. No other process may ever open
 * either of them for writing and reading at once: that would fake life.
 *
 * The FIFOs of the dead are the only proof of the death of a Worker whose process lives, and of a process in another PID
 * namespace. So they stay until no segment names their port any more.
 */

const NON_BLOCKING = constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** Until it is given to those whom it is for. */
const FIFO_MODE = 0o600;

/**
 * A FIFO that has its owner before it has its name, so that it never looks dead. Where it fails, nothing is left.
 *
 * @param access whose it is and whom it lets in, exactly, whatever the umask of this process. Defaults to this user alone.
 */
export function makeFifo(path: string, access: Partial<Access> = {}): number {
  const temporary = temporaryPath();
  mkfifo(temporary, FIFO_MODE);
  let fd: number | undefined;
  try {
    fd = openSync(temporary, constants.O_RDWR | NON_BLOCKING);
    giveTo(fd, access, path);
    fchmodSync(fd, access.mode ?? FIFO_MODE);
    renameSync(temporary, path);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    unlinkIfThere(temporary);
    throw fromFsError(error, `cannot make ${path}`);
  }
}

/** Opens a FIFO that a process made, and nothing else that has come to have its name. */
function openFifo(path: string, flags: number): number {
  const fd = openSync(path, flags | NON_BLOCKING);
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw new Error(`${path} is not a FIFO`);
}

/** Opens a bell for ringing. */
export function openBell(path: string): number | 'dead' | 'absent' | 'unknown' {
  try {
    return openFifo(path, constants.O_WRONLY);
  } catch (error) {
    const code = errnoName(error);
    return code === 'ENXIO' ? 'dead' : code === 'ENOENT' ? 'absent' : 'unknown';
  }
}

/** Opens a life line for reading; undefined where that is not possible now. */
export function openLifeLine(path: string): number | undefined {
  try {
    return openFifo(path, constants.O_RDONLY);
  } catch {
    return undefined;
  }
}

/** Whether the owner of an open life line has died before it was opened. */
export function isAtEnd(lifeLine: number): boolean {
  try {
    return readSync(lifeLine, new Uint8Array(1)) === 0;
  } catch {
    // EAGAIN: its writer is there.
    return false;
  }
}

/** Whether this user may not ring the bell. */
export function isBellForbidden(path: string): boolean {
  try {
    closeSync(openFifo(path, constants.O_WRONLY));
    return false;
  } catch (error) {
    return errnoName(error) === 'EACCES';
  }
}

export function isBellDead(path: string): boolean {
  const fd = openBell(path);
  if (typeof fd === 'number') closeSync(fd);
  return fd === 'dead';
}

export function isLifeLineDead(path: string): boolean {
  const fd = openLifeLine(path);
  if (fd === undefined) return false;
  try {
    return isAtEnd(fd);
  } finally {
    closeSync(fd);
  }
}

/** Removes the files of a port. */
export function unlinkPort(nonce: bigint): void {
  unlinkIfThere(portPath(nonce, 'bell'));
  unlinkIfThere(portPath(nonce, 'life'));
}
