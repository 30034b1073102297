import { randomBytes } from 'node:crypto';
import type { Bell, Liveness, Port, PortAddress } from '../platform.js';
import {
  EVENT_MODIFY_STATE,
  type Handle,
  holdHandle,
  isSignalled,
  kernel32,
  lastError,
  NO_HANDLE,
} from './kernel32.js';
import { openOwner, probeLife } from './life.js';
import { bellNameOf } from './names.js';
import { ownIdentity } from './process.js';
import { ownThread } from './thread.js';
import { Waker } from './waker.js';

/*
 * A port's bell is an event that resets itself; its life line is the thread of its owner. An event lives as long as anybody has a
 * handle of it, so that a bell can be rung proves nothing.
 */

class EventPort implements Port {
  readonly address: PortAddress;
  onRing: (() => void) | undefined;
  readonly #closeEvent: () => void;
  readonly #waker: Waker;
  #open = true;

  constructor() {
    // 63 bits, so that the number is the same read as signed and as unsigned.
    const nonce = BigInt.asUintN(63, randomBytes(8).readBigUInt64LE()) || 1n;
    this.address = { nonce, ...ownIdentity(), ...ownThread() };
    const waker = new Waker(() => this.onRing?.());
    let closeEvent = () => {};
    try {
      const event = kernel32().CreateEventW(null, 0, 0, bellNameOf(nonce));
      if (event === NO_HANDLE) throw lastError('CreateEventW', `cannot create ${bellNameOf(nonce)}`);
      closeEvent = holdHandle(event);
      waker.wait(event, 'always');
    } catch (error) {
      waker.close();
      closeEvent();
      throw error;
    }
    this.#waker = waker;
    this.#closeEvent = closeEvent;
  }

  ref(): void {
    if (this.#open) this.#waker.ref();
  }

  unref(): void {
    if (this.#open) this.#waker.unref();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#waker.close();
    this.#closeEvent();
  }
}

/** See {@link Platform.openPort}. */
export function openPort(): Port {
  return new EventPort();
}

class EventBell implements Bell {
  readonly #address: PortAddress;
  #event: Handle;
  #owner: Handle | 'dead' | 'unknown';
  readonly #closers: (() => void)[] = [];

  constructor(address: PortAddress) {
    this.#address = address;
    this.#owner = openOwner(address);
    if (typeof this.#owner === 'number') this.#closers.push(holdHandle(this.#owner));
    this.#event = kernel32().OpenEventW(EVENT_MODIFY_STATE, 0, bellNameOf(address.nonce));
    if (this.#event !== NO_HANDLE) this.#closers.push(holdHandle(this.#event));
  }

  ring(): Liveness {
    if (this.#event === NO_HANDLE) return probeLife(this.#address);
    if (kernel32().SetEvent(this.#event) === 0) return 'unknown';
    if (typeof this.#owner !== 'number') return this.#owner;
    return isSignalled(this.#owner) ? 'dead' : 'alive';
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
    this.#event = NO_HANDLE;
    this.#owner = 'unknown';
  }
}

/** See {@link Platform.connectBell}. */
export function connectBell(address: PortAddress): Bell {
  return new EventBell(address);
}

/** See {@link Platform.removePort}. Windows removes the events of the dead itself, and does not need them as proof. */
export function removePort(): void {}

/** See {@link Platform.sweepPorts}. */
export function sweepPorts(): void {}
