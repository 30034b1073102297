import { randomNonce } from '../../random.js';
import type { Audience, Bell, Port, PortAddress, RingOutcome } from '../platform.js';
import {
  ERROR_FILE_NOT_FOUND,
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
 * A port's bell is an event that resets itself; its life line is the thread of its owner. An event lives as long as any process
 * has a handle of it, so that a bell can be rung proves nothing.
 */

class EventPort implements Port {
  readonly address: PortAddress;
  onRing: (() => void) | undefined;
  readonly #closeEvent: () => void;
  readonly #waker: Waker;
  #open = true;

  constructor() {
    // 63 bits, so that the number is the same read as signed and as unsigned.
    const nonce = randomNonce();
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

  isNamed(): boolean {
    // A name lives as long as what it names.
    return true;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#waker.close();
    this.#closeEvent();
  }
}

/** See {@link Platform.audienceOf}. Objects are this user's, by their default security descriptors. */
export function audienceOf(): Audience {
  return { of: 'user', uid: 0 };
}

/** See {@link Platform.accessOfNew}. */
export function accessOfNew(): undefined {
  return undefined;
}

/** See {@link Platform.refusalOf}. */
export function refusalOf(): undefined {
  return undefined;
}

/** See {@link Platform.openPort}. */
export function openPort(): Port {
  return new EventPort();
}

class EventBell implements Bell {
  readonly #address: PortAddress;
  #event: Handle = NO_HANDLE;
  #owner: Handle | 'dead' | 'unknown' = 'unknown';
  readonly #closers: (() => void)[] = [];

  constructor(address: PortAddress) {
    this.#address = address;
    if (address.pid !== 0) this.#connect();
  }

  ring(): RingOutcome {
    const problem = this.#connect();
    if (problem !== undefined) return probeLife(this.#address) === 'dead' ? 'dead' : problem;
    const isRung = kernel32().SetEvent(this.#event) !== 0;
    // The name of an event lives as long as any handle of it, and its end is all that proves the death of an owner who has
    // not said yet who it is.
    if (this.#address.pid === 0) this.close();
    if (!isRung) return 'unknown';
    // Where its owner cannot be looked at, the event was there, and others hear of a death.
    if (typeof this.#owner !== 'number') return this.#owner === 'dead' ? 'dead' : 'alive';
    return isSignalled(this.#owner) ? 'dead' : 'alive';
  }

  /** Opens what is not open yet; what is wrong when there is nothing to ring. */
  #connect(): 'absent' | 'unknown' | undefined {
    if (this.#owner === 'unknown') {
      this.#owner = openOwner(this.#address);
      if (typeof this.#owner === 'number') this.#closers.push(holdHandle(this.#owner));
    }
    if (this.#event !== NO_HANDLE) return undefined;
    const { OpenEventW, GetLastError } = kernel32();
    this.#event = OpenEventW(EVENT_MODIFY_STATE, 0, bellNameOf(this.#address.nonce));
    if (this.#event === NO_HANDLE) return GetLastError() === ERROR_FILE_NOT_FOUND ? 'absent' : 'unknown';
    this.#closers.push(holdHandle(this.#event));
    return undefined;
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
export async function removePort(): Promise<void> {}

/** See {@link Platform.sweepPorts}. */
export async function sweepPorts(): Promise<void> {}

/** See {@link Platform.advanceRemovals}. */
export async function advanceRemovals(): Promise<void> {}
