import { closeSync, fstatSync, writeSync } from 'node:fs';
import { errnoName } from '../../os-error.js';
import { randomNonce } from '../../random.js';
import { timers } from '../../timers.js';
import type { Audience, Bell, LifeWatch, Liveness, Port, PortAddress, RingOutcome } from '../platform.js';
import { portAccess } from './audience.js';
import { isAtEnd, makeFifo, openBell, openLifeLine, unlinkPort } from './fifo.js';
import { checkRuntime, type FifoWatch, watchFifo } from './fifo-watch/index.js';
import { leadsElsewhere, portPath } from './names.js';
import { isProvedGone, ownIdentity } from './process.js';

const RING = new Uint8Array(1);

/** A file of a port, by what it is and not by its name. */
interface PortFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

function fileOf(fd: number, path: string): PortFile {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return { path, dev, ino };
}

class FifoPort implements Port {
  readonly address: PortAddress;
  onRing: (() => void) | undefined;
  readonly #bell: FifoWatch;
  readonly #lifeFd: number;
  readonly #files: readonly PortFile[];
  #open = true;

  constructor(audience: Audience) {
    checkRuntime();
    const access = portAccess(audience);
    // 63 bits, so that the number is the same read as signed and as unsigned.
    const nonce = randomNonce();
    this.address = { nonce, ...ownIdentity, threadId: 0, threadStartTime: 0n };
    const [life, bell] = [portPath(nonce, 'life'), portPath(nonce, 'bell')];
    this.#lifeFd = makeFifo(life, access.life);
    try {
      const bellFd = makeFifo(bell, access.bell);
      this.#files = [fileOf(this.#lifeFd, life), fileOf(bellFd, bell)];
      this.#bell = watchFifo(bellFd, { onData: () => this.onRing?.(), showsLife: true });
    } catch (error) {
      closeSync(this.#lifeFd);
      unlinkPort(nonce);
      throw error;
    }
  }

  ref(): void {
    this.#bell.ref();
  }

  unref(): void {
    this.#bell.unref();
  }

  isNamed(): boolean {
    return !this.#open || !this.#files.some((file) => leadsElsewhere(file.path, file));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#bell.close();
    closeSync(this.#lifeFd);
    unlinkPort(this.address.nonce);
  }
}

/** See {@link Platform.openPort}. */
export function openPort(audience: Audience): Port {
  return new FifoPort(audience);
}

/** What the absence of a bell says of its owner. */
function absenceOf(address: PortAddress): 'dead' | 'absent' {
  // A participant that has claimed something and not yet said who it is was alive, with its port, the moment before. The port can
  // only have been swept, which takes a proof of death.
  return address.pid === 0 ? 'dead' : 'absent';
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
  if (fd === 'absent') return absenceOf(address) === 'dead' ? 'dead' : 'unknown';
  return fd;
}

class FifoBell implements Bell {
  readonly #address: PortAddress;
  readonly #path: string;
  #fd: number | undefined;

  constructor(address: PortAddress) {
    this.#address = address;
    this.#path = portPath(address.nonce, 'bell');
    const fd = openBell(this.#path);
    if (typeof fd === 'number') this.#fd = fd;
  }

  ring(): RingOutcome {
    if (this.#fd === undefined) {
      if (isProvedGone(this.#address)) return 'dead';
      const fd = openBell(this.#path);
      if (typeof fd !== 'number') return fd === 'absent' ? absenceOf(this.#address) : fd;
      this.#fd = fd;
    }
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
export function watchLife(address: PortAddress, onDeath: () => void): LifeWatch | undefined {
  let reported = false;
  const report = () => {
    if (reported) return;
    reported = true;
    onDeath();
  };
  const fd = openLifeLine(portPath(address.nonce, 'life'));
  if (fd === undefined) return undefined;
  // A watch that begins after the death is never called.
  const isDead = isAtEnd(fd);
  let watch: FifoWatch;
  try {
    watch = watchFifo(fd, { onEnd: report });
  } catch {
    return undefined;
  }
  // Where a forked child keeps the life line open there is the proof by pid.
  const probe = timers.setImmediate(() => {
    if (isDead || isProvedGone(address)) report();
  });
  return {
    close: () => {
      reported = true;
      timers.clearImmediate(probe);
      watch.close();
    },
  };
}
