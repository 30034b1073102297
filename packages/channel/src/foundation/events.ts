import { timers } from '@mmfbus/core/internal';
import { EventEmitter } from 'eventemitter3';
import { ChannelError } from './errors.js';
import { type Check, oneOf, shown } from './options.js';

/** The listeners of a publisher or subscriber, each kind of event with its arguments. */
export class Events<M extends { readonly [E in keyof M]: readonly unknown[] }> {
  readonly #channel: string;
  readonly #anyEvent: Check;
  readonly #emitter = new EventEmitter();
  /** Events that something has listened to once: the emitter takes such listeners away by itself. */
  readonly #once = new Set<string>();
  /** How often listeners were added or taken away, where they did not go by themselves. */
  changes = 0;

  /** @param names of all events that there are. */
  constructor(channel: string, names: readonly (keyof M & string)[]) {
    this.#channel = channel;
    this.#anyEvent = oneOf(...names);
  }

  /**
   * Refuses what cannot be listened to, or is no listener.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT`.
   */
  check(event: unknown, listener: unknown): void {
    const due = this.#anyEvent(event);
    if (due !== undefined) this.#refuse(`event must be ${due}`, event);
    if (typeof listener !== 'function') this.#refuse('listener must be a function', listener);
  }

  #refuse(rule: string, value: unknown): never {
    throw new ChannelError('INVALID_ARGUMENT', this.#channel, `${rule}, not ${shown(value)}`);
  }

  // The types of eventemitter3 do not see through a generic name.
  on<E extends keyof M & string>(event: E, listener: (...args: M[E]) => void): void {
    this.changes++;
    this.#emitter.on(event, listener as never);
  }

  once<E extends keyof M & string>(event: E, listener: (...args: M[E]) => void): void {
    this.changes++;
    this.#once.add(event);
    this.#emitter.once(event, listener as never);
  }

  off<E extends keyof M & string>(event: E, listener: (...args: M[E]) => void): void {
    this.changes++;
    this.#emitter.off(event, listener as never);
  }

  count(event: keyof M & string): number {
    return this.#emitter.listenerCount(event);
  }

  /**
   * Calls the only listener of an event as {@link Events.emit} does, without looking it up each time: as long as
   * {@link Events.changes} stays the same.
   *
   * @returns undefined unless there is exactly one listener, and none has ever listened to that event once.
   */
  only<E extends keyof M & string>(event: E): ((...args: M[E]) => void) | undefined {
    const listeners = this.#emitter.listeners(event);
    if (listeners.length !== 1 || this.#once.has(event)) return undefined;
    return (listeners[0] as (...args: M[E]) => void).bind(this.#emitter);
  }

  /** Calls the listeners; what one of them throws passes through. */
  emit<E extends keyof M & string>(event: E, ...args: M[E]): void {
    this.#emitter.emit(event, ...args);
  }

  /** Calls them; what one throws is the program's to see, as if nothing called it, and breaks nothing off here. */
  tell<E extends keyof M & string>(event: E, ...args: M[E]): void {
    try {
      this.emit(event, ...args);
    } catch (error) {
      timers.setImmediate(() => {
        throw error;
      });
    }
  }
}
